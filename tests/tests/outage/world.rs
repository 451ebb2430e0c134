//! The okr-router of one test, with a broker that the test may kill.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use okr_tests::{FakeHttp, Kafka, Role, Sender, Setup, Stack, World as Config, check_in, sign};

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(30);
/// What the gateway of these tests has to answer within.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// Servers, configuration, one sender and one receiver; the roles are started by the test.
pub struct World {
    pub kafka: Kafka,
    pub registry: String,
    pub stack: Stack,
    pub receiver: FakeHttp,
    pub sender: Sender,
}

impl World {
    /// On a clean broker and the registry that all tests share. Topics and schemas are there.
    pub async fn start() -> Result<Self> {
        let registry = okr_tests::registry().await?.url();
        let world = Self::bare(registry).await?;
        world.stack.prepare().await?;
        Ok(world)
    }

    /// As `start`, on a broker that is set up in its own way.
    pub async fn on(setup: Setup) -> Result<Self> {
        let world = Self::with(Kafka::own_as(setup).await?, okr_tests::registry().await?.url())?;
        world.stack.prepare().await?;
        Ok(world)
    }

    /// On a clean broker and the given registry. Nothing has been created.
    pub async fn bare(registry: &str) -> Result<Self> {
        Self::with(Kafka::own().await?, registry)
    }

    /// On these two. Nothing has been created.
    pub fn with(kafka: Kafka, registry: &str) -> Result<Self> {
        let receiver = FakeHttp::start()?;
        let secret = sign::whsec(b"the key that acme uses now......");
        let stack = Stack::new(Config {
            broker: kafka.address().to_owned(),
            registry: registry.to_owned(),
            gateway: format!("request_deadline = \"{}s\"", DEADLINE.as_secs()),
            sections: sections(&receiver.url("/hook")),
            env: vec![("ACME_SECRET".to_owned(), secret.clone())],
            ..Config::default()
        })?;
        let sender = Sender::new(stack.gateway("/in/acme"), secret)?;
        Ok(Self { kafka, registry: registry.to_owned(), stack, receiver, sender })
    }

    /// Gateway and notifier, ready.
    pub async fn roles(&self) -> Result<(Role, Role)> {
        tokio::try_join!(self.stack.role("gateway"), self.stack.role("notifier"))
    }

    /// One more check-in, and its message: whatever came before it has come by then.
    pub async fn goes_on(&self, id: &str) -> Result<()> {
        let answer = self.sender.accepted(id, &check_in("load", id, 0)).await?;
        let ids = okr_tests::event_ids(&answer);
        let id = ids.first().context("no event in the answer")?;
        let arrived = self
            .receiver
            .wait_until(SOON, |seen| seen.iter().any(|seen| seen.json()["event_id"] == id.as_str()))
            .await?;
        ensure!(!arrived.is_empty(), "nothing arrived");
        Ok(())
    }
}

/// Kind `http` without a rate: what is slow here is what is tested. Short leases and pauses, for short tests.
fn sections(hook: &str) -> String {
    format!(
        r#"
[departments]
partitions = 6
[departments.sales]
partitions = "0-3"
[departments.others]
partitions = "4-5"

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

[outbox]
schedule = ["200ms", "500ms", "1s"]
lease = "5s"
poll = "500ms"
breaker = {{ pause = "500ms", pause_max = "1s" }}
"#
    )
}
