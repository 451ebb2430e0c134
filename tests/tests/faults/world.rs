//! A gateway, notifiers on a given store, and one receiver behind three destinations.

use std::time::Duration;

use anyhow::{Result, anyhow};
use okr_tests::{FakeHttp, Kafka, Load, Role, Sender, Stack, World as Config, sign, until};
use store::testing::{Cluster, Database};

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(60);

/// Every event goes to all of them.
pub const TARGETS: usize = 3;

/// Deliveries that kind `http` has under way at a time, for each target.
pub const CONCURRENCY: usize = 8;

/// Servers, configuration, one sender and one receiver; the roles are started by the test.
pub struct World {
    pub kafka: Kafka,
    pub stack: Stack,
    pub receiver: FakeHttp,
    pub sender: Sender,
}

impl World {
    /// Topics and schemas are there; the state is kept at `store`, a url.
    pub async fn on(store: &str) -> Result<Self> {
        let (kafka, registry) = tokio::try_join!(Kafka::own(), okr_tests::registry())?;
        let receiver = FakeHttp::start()?;
        let secret = sign::whsec(b"the key that acme uses now......");
        let stack = Stack::new(Config {
            broker: kafka.address().to_owned(),
            registry: registry.url().to_owned(),
            store: store.to_owned(),
            sections: sections(&receiver),
            env: vec![("ACME_SECRET".to_owned(), secret.clone())],
            ..Config::default()
        })?;
        stack.prepare().await?;
        let sender = Sender::new(stack.gateway("/in/acme"), secret)?;
        Ok(Self { kafka, stack, receiver, sender })
    }

    /// Members that are ready.
    pub async fn notifiers(&self, count: usize) -> Result<Vec<Role>> {
        futures::future::try_join_all((0..count).map(|_| self.stack.role("notifier"))).await
    }

    /// Waits until the receiver got so many more requests.
    pub async fn more_arrive(&self, count: usize) -> Result<()> {
        let goal = self.receiver.count() + count;
        let here = async || (self.receiver.count() >= goal).then_some(());
        until(&format!("{count} more requests"), SOON, here).await
    }

    /// Four senders, each with subjects of its own that begin with `name`.
    pub fn load(&self, name: &str) -> Load {
        self.sender.load(4, name)
    }
}

/// A Postgres that the test may stop, and an empty database of it.
pub async fn postgres() -> Result<(Cluster, Database)> {
    let cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    let database = cluster.database().await.map_err(|error| anyhow!(error))?;
    Ok((cluster, database))
}

/// Short leases, so that what was lost on the way is soon tried again.
fn sections(receiver: &FakeHttp) -> String {
    let text = String::from(
        r#"
[departments]
partitions = 12
[departments.sales]
partitions = "0-10"
[departments.others]
partitions = "11"

[outbox]
lease = "12s"
schedule = ["1s"]

[sources.acme]
kind = "standard-webhooks"
secrets = [{ env = "ACME_SECRET" }]
"#,
    );
    format!("{text}{}", receiver.fan_out(TARGETS))
}
