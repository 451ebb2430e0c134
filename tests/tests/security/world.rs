//! One broker with a listener for each way in, and roles that come by one of them.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use okr_tests::{
    AUDIENCE, Authority, FakeHttp, ISSUER, Identity, Kafka, Role, Sender, Setup, Stack, World as Config,
    check_in, free_port, sign,
};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(60);
/// How fast trouble must show, and its end.
pub const SHOWN_WITHIN: Duration = Duration::from_secs(10);
/// What the gateway of these tests has to answer within.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// What the broker's users are known by; none of it may ever be printed.
pub const PASSWORD: &str = "correct-horse-7";
pub const CLIENT_SECRET: &str = "battery-staple-8";
pub const KEY_PASSWORD: &str = "open-sesame-9";
/// So short that tokens are fetched anew, and connections proved anew, while a test runs.
const TOKEN_SECONDS: u64 = 12;
const PROOF_MS: u32 = 8_000;

static SHARED: OnceCell<Secure> = OnceCell::const_new();
/// Topics and groups are the same for all: one test at a time.
static TURN: Mutex<()> = Mutex::const_new(());

/// A broker that trusts nobody by itself, and those whom it trusts.
#[derive(Debug)]
pub struct Secure {
    pub kafka: Kafka,
    pub authority: Authority,
    /// Signs nothing that the broker knows.
    pub stranger: Authority,
    pub identity: Identity,
    pub tls: u16,
    pub mutual: u16,
    pub sasl: u16,
}

/// The broker that the tests of this file share, one after the other.
pub async fn secure() -> Result<(&'static Secure, MutexGuard<'static, ()>)> {
    let turn = TURN.lock().await;
    Ok((SHARED.get_or_try_init(Secure::start).await?, turn))
}

impl Secure {
    async fn start() -> Result<Self> {
        let (authority, stranger) = (Authority::new()?, Authority::new()?);
        let identity = Identity::start("okr", CLIENT_SECRET, TOKEN_SECONDS)?;
        let [tls, mutual, sasl] = [free_port(), free_port(), free_port()];
        let user = |name: &str| format!("user_{name}=\"{PASSWORD}\"");
        let users =
            ["okr", "okr-gateway", "okr-notifier", "okr-setup", "okr-operator", "okr-doctor"].map(user);
        let scram = |mechanism: &str| format!("{mechanism}=[name=okr,password={PASSWORD}]");
        let setup = Setup {
            listeners: vec![("TLS", "SSL", tls), ("MUTUAL", "SSL", mutual), ("LOGIN", "SASL_SSL", sasl)],
            properties: format!(
                "ssl.keystore.type=PEM
ssl.keystore.location={store}
ssl.truststore.type=PEM
ssl.truststore.location={trust}
listener.name.mutual.ssl.client.auth=required
listener.name.login.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.login.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {users};
listener.name.login.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.login.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.login.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
listener.name.login.oauthbearer.sasl.server.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler
sasl.oauthbearer.jwks.endpoint.url={keys}
sasl.oauthbearer.expected.audience={AUDIENCE}
sasl.oauthbearer.expected.issuer={ISSUER}
listener.name.login.oauthbearer.connections.max.reauth.ms={PROOF_MS}
listener.name.login.scram-sha-512.connections.max.reauth.ms={PROOF_MS}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:okr;User:CN=okr
",
                store = authority.keystore("broker")?.display(),
                trust = authority.certificate().display(),
                users = users.join(" "),
                keys = identity.url("keys"),
            ),
            format: [("--add-scram", "SCRAM-SHA-256"), ("--add-scram", "SCRAM-SHA-512")]
                .iter()
                .flat_map(|(flag, mechanism)| [(*flag).to_owned(), scram(mechanism)])
                .collect(),
            java: vec![format!(
                "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={}",
                identity.url("keys")
            )],
            ..Setup::default()
        };
        let kafka = Kafka::own_as(setup).await?;
        Ok(Self { kafka, authority, stranger, identity, tls, mutual, sasl })
    }

    /// `[kafka.security]` for a login by TLS with a password.
    pub fn password(&self, mechanism: &str, user: &str) -> String {
        format!(
            "[kafka.security]\nprotocol = \"sasl_ssl\"\nmechanism = \"{mechanism}\"\nusername = \"{user}\"\npassword = {{ env = \
             \"KAFKA_PASSWORD\" }}\nca_file = {:?}\n",
            self.authority.certificate()
        )
    }

    /// The same for a login by token.
    pub fn token(&self) -> String {
        format!(
            "[kafka.security]\nprotocol = \"sasl_ssl\"\nmechanism = \"OAUTHBEARER\"\nca_file = {:?}\noauth = {{ token_url = {:?}, \
             client_id = \"okr\", client_secret = {{ env = \"KAFKA_CLIENT_SECRET\" }}, scope = \"kafka\" }}\n",
            self.authority.certificate(),
            self.identity.url("token"),
        )
    }

    /// The same for TLS, with these certificates, if any.
    pub fn encrypted(&self, trusts: PathBuf, ours: Option<(PathBuf, PathBuf)>) -> String {
        let ours = ours.map_or_else(String::new, |(certificate, key)| {
            format!("cert_file = {certificate:?}\nkey_file = {key:?}\n")
        });
        format!("[kafka.security]\nprotocol = \"ssl\"\nca_file = {trusts:?}\n{ours}")
    }
}

/// An okr-router that comes to the broker by one port, one sender and one receiver.
pub struct World {
    pub stack: Stack,
    pub sender: Sender,
    pub receiver: FakeHttp,
}

impl World {
    pub async fn new(port: u16, security: &str) -> Result<Self> {
        Self::with(port, security, &[]).await
    }

    /// With further variables; they win over the right passwords.
    pub async fn with(port: u16, security: &str, env: &[(&str, &str)]) -> Result<Self> {
        let receiver = FakeHttp::start()?;
        let secret = sign::whsec(b"the key that acme uses now......");
        let mut all = vec![
            ("ACME_SECRET".to_owned(), secret.clone()),
            ("KAFKA_PASSWORD".to_owned(), PASSWORD.to_owned()),
            ("KAFKA_CLIENT_SECRET".to_owned(), CLIENT_SECRET.to_owned()),
            ("KAFKA_KEY_PASSWORD".to_owned(), KEY_PASSWORD.to_owned()),
        ];
        all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let stack = Stack::new(Config {
            broker: format!("127.0.0.1:{port}"),
            registry: okr_tests::registry().await?.url().to_owned(),
            gateway: format!("request_deadline = \"{}s\"", DEADLINE.as_secs()),
            sections: format!("{security}\n{}", sections(&receiver.url("/hook"))),
            env: all,
            ..Config::default()
        })?;
        let sender = Sender::new(stack.gateway("/in/acme"), secret)?;
        Ok(Self { stack, sender, receiver })
    }

    /// One check-in, from the webhook to its message.
    pub async fn goes_on(&self, id: &str) -> Result<()> {
        let answer = self.sender.accepted(id, &check_in("load", id, 0)).await?;
        let ids = okr_tests::event_ids(&answer);
        let id = ids.first().context("no event in the answer")?.as_str();
        let seen =
            self.receiver.wait_until(SOON, |seen| seen.iter().any(|seen| seen.json()["event_id"] == id));
        ensure!(!seen.await?.is_empty(), "nothing arrived");
        Ok(())
    }
}

/// What nobody may find in what a role or a command prints.
pub fn keeps_secrets(text: &str) -> Result<()> {
    for secret in [PASSWORD, CLIENT_SECRET, KEY_PASSWORD, "wrong-password", "wrong-secret", "eyJ"] {
        ensure!(!text.contains(secret), "{secret} is printed: {text}");
    }
    Ok(())
}

/// As [`keeps_secrets`], of all that a role has logged; and it leaves in order.
pub async fn ends(role: Role) -> Result<()> {
    ensure!(role.term(SOON).await? == 0, "{}", role.tail());
    keeps_secrets(&role.stdout())?;
    keeps_secrets(&role.stderr())
}

fn sections(hook: &str) -> String {
    format!(
        r#"
[departments]
partitions = 4
[departments.sales]
partitions = "0-2"
[departments.others]
partitions = "3"

[sources.acme]
kind = "standard-webhooks"
secrets = [{{ env = "ACME_SECRET" }}]

[destinations.receiver]
kind = "http"
url = "{hook}"
rate = "none"

[[routes]]
name = "all"
to = ["receiver"]
"#
    )
}
