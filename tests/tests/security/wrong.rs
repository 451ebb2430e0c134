//! What does not fit: the role says within ten seconds what it is, and so does the doctor, with what mends it.

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use okr_tests::{Role, until};
use serde_json::Value;

use crate::world::{SHOWN_WITHIN, Secure, World, ends, keeps_secrets, secure};

/// How many are tried at a time: each is two roles and a command, and what they say has to come in time.
const AT_ONCE: usize = 3;

/// One thing that is wrong: the port, the settings, the variables, what readiness says, what the doctor proposes.
struct Wrong {
    name: &'static str,
    port: u16,
    security: String,
    env: Vec<(&'static str, &'static str)>,
    says: &'static str,
    remedy: &'static str,
}

fn all(secure: &Secure) -> Result<Vec<Wrong>> {
    let (trusted, foreign) = (secure.authority.certificate(), secure.stranger.certificate());
    let theirs = secure.stranger.issue("okr")?;
    let password = |mechanism: &str| secure.password(mechanism, "okr");
    let wrong = |name, port, security, env: &[_], says, remedy| Wrong {
        name,
        port,
        security,
        env: env.to_vec(),
        says,
        remedy,
    };
    let no_password = [("KAFKA_PASSWORD", "wrong-password")];
    let no_secret = [("KAFKA_CLIENT_SECRET", "wrong-secret")];
    let (login, tls) = ("kafka.security.password", "kafka.security.ca_file");
    Ok(vec![
        wrong("plain", secure.sasl, password("PLAIN"), &no_password, "Authentication failed", login),
        wrong("scram", secure.sasl, password("SCRAM-SHA-512"), &no_password, "Authentication failed", login),
        wrong(
            "mechanism",
            secure.sasl,
            password("SCRAM-SHA-256").replace("\"okr\"", "\"nobody\""),
            &[],
            "Authentication failed",
            login,
        ),
        wrong(
            "client secret",
            secure.sasl,
            secure.token(),
            &no_secret,
            "401 invalid_client",
            "kafka.security.oauth",
        ),
        wrong(
            "untrusted broker",
            secure.tls,
            secure.encrypted(foreign, None),
            &[],
            "certificate verify failed",
            tls,
        ),
        wrong(
            "no certificate",
            secure.mutual,
            secure.encrypted(trusted.clone(), None),
            &[],
            "ertificate",
            "cert_file",
        ),
        wrong(
            "unknown certificate",
            secure.mutual,
            secure.encrypted(trusted, Some(theirs)),
            &[],
            "ertificate",
            "cert_file",
        ),
        wrong("not encrypted", secure.tls, String::new(), &[], "kafka.security", "kafka.security"),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_wrong_credential_is_named_by_the_role_and_by_the_doctor() -> Result<()> {
    let (secure, _turn) = secure().await?;
    // A notifier asks for its schemas first.
    let world = World::new(secure.sasl, &secure.password("PLAIN", "okr")).await?;
    let registered = world.stack.command(&["schemas", "register", "--apply"]).await?;
    ensure!(registered.code == 0, "{registered:?}");
    // Nobody gets in, so nobody meets another one's topics or groups.
    let shown = stream::iter(all(secure)?).map(async |wrong| {
        let Wrong { name, port, security, env, says, remedy } = wrong;
        let world = World::with(port, &security, &env).await?;
        shows(&world, (name, says, remedy)).await
    });
    shown.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    // The endpoint knows us, and the broker does not trust what it signs.
    secure.identity.forge(true);
    let world = World::new(secure.sasl, &secure.token()).await?;
    let shown = shows(&world, ("forged token", "invalid_token", "kafka.security.oauth")).await;
    secure.identity.forge(false);
    shown
}

async fn shows(world: &World, (name, says, remedy): (&str, &str, &str)) -> Result<()> {
    let began = std::time::Instant::now();
    let (gateway, notifier) = (world.stack.start("gateway")?, world.stack.start("notifier")?);
    let named = async |role: &Role| -> Result<()> {
        let named = async || {
            let reply = role.readyz().await.ok()?;
            (reply.status == 503 && reply.text().contains(says)).then(|| reply.text())
        };
        let shown = until(&format!("{says:?} of a {name}"), SHOWN_WITHIN, named).await;
        println!("{name}: shown after {:?}", began.elapsed());
        let last = role.readyz().await.map(|reply| reply.text()).unwrap_or_default();
        keeps_secrets(&shown.with_context(|| format!("/readyz says {last}; {}", role.tail()))?)
    };
    tokio::try_join!(named(&gateway), named(&notifier))?;
    let doctor = world.stack.command(&["doctor", "--json", "--set", "admin.listen=127.0.0.1:1"]).await?;
    keeps_secrets(&doctor.stdout)?;
    keeps_secrets(&doctor.stderr)?;
    let rows: Value = serde_json::from_str(&doctor.stdout).context("no findings")?;
    let found = rows.as_array().into_iter().flatten().find(|row| row["check"] == "broker");
    let found = found.with_context(|| format!("{name}: no finding of the broker in {rows}"))?;
    let field = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    ensure!(
        field("level") == "wrong" && field("says").contains(says) && field("remedy").contains(remedy),
        "{name}: {found}"
    );
    println!("{name}: {} → {}; {:?}", field("says"), field("remedy"), began.elapsed());
    tokio::try_join!(ends(gateway), ends(notifier)).map(drop)
}
