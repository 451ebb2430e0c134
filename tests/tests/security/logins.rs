//! Every way in, from a webhook to its message.

use anyhow::{Result, ensure};
use okr_tests::until;

use crate::world::{SOON, Secure, World, ends, secure};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_login_brings_a_webhook_to_its_message() -> Result<()> {
    let (secure, _turn) = secure().await?;
    let ours = secure.authority.issue("okr")?;
    let encrypted = (ours.0.clone(), secure.authority.encrypted("okr", crate::world::KEY_PASSWORD)?);
    let trusts = || secure.authority.certificate();
    let locked =
        secure.encrypted(trusts(), Some(encrypted)) + "key_password = { env = \"KAFKA_KEY_PASSWORD\" }\n";
    let ways = [
        ("plain", secure.sasl, secure.password("PLAIN", "okr")),
        ("scram-256", secure.sasl, secure.password("SCRAM-SHA-256", "okr")),
        ("scram-512", secure.sasl, secure.password("SCRAM-SHA-512", "okr")),
        ("token", secure.sasl, secure.token()),
        ("mutual", secure.mutual, secure.encrypted(trusts(), Some(ours))),
        ("locked-key", secure.mutual, locked),
    ];
    for (name, port, security) in ways {
        let world = World::new(port, &security).await?;
        world.stack.prepare().await?;
        let (gateway, notifier) =
            tokio::try_join!(world.stack.role("gateway"), world.stack.role("notifier"))?;
        world.goes_on(&format!("kr-{name}")).await?;
        let doctor = world.stack.command(&["doctor", "--json", "--set", "admin.listen=127.0.0.1:1"]).await?;
        ensure!(
            !doctor.stdout.contains("\"check\":\"broker\",\"level\":\"wrong\""),
            "{name}: {}",
            doctor.stdout
        );
        ensure!(doctor.stdout.contains("127.0.0.1:"), "{name}: {}", doctor.stdout);
        let tailed = world.stack.command(&["tail", "--from", "earliest", "--max", "1"]).await?;
        ensure!(tailed.code == 0 && tailed.stdout.contains("okr.events"), "{name}: {tailed:?}");
        if name == "token" {
            outlives_its_token(&world, secure).await?;
        }
        ends(gateway).await?;
        ends(notifier).await?;
        println!("{name}: a webhook became a message");
    }
    encrypted_alone(secure).await
}

/// TLS without a login: the broker knows us by no name.
async fn encrypted_alone(secure: &Secure) -> Result<()> {
    let world = World::new(secure.tls, &secure.encrypted(secure.authority.certificate(), None)).await?;
    let (gateway, notifier) = tokio::try_join!(world.stack.role("gateway"), world.stack.role("notifier"))?;
    world.goes_on("kr-tls").await?;
    ends(gateway).await?;
    ends(notifier).await
}

/// Tokens end and connections have to be proved anew, again and again: nobody notices.
async fn outlives_its_token(world: &World, secure: &Secure) -> Result<()> {
    let load = world.sender.load(2, "token");
    let before = secure.identity.given();
    let anew = async || (secure.identity.given() >= before + 4).then_some(());
    until("tokens that are fetched anew", SOON, anew).await?;
    load.more_accepted(20, SOON).await?;
    let sent = load.stop().await;
    let refused = sent.iter().filter(|sent| !sent.is_accepted()).count();
    ensure!(refused == 0, "{refused} of {} were refused", sent.len());
    println!("token: {} deliveries over {} tokens", sent.len(), secure.identity.given());
    Ok(())
}
