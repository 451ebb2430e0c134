//! A gateway, several notifiers on one Postgres, and a receiver behind six destinations.

use std::time::Duration;

use anyhow::{Result, anyhow};
use okr_tests::{FakeHttp, Kafka, Load, Role, Sender, Stack, World as Config, sign};
use store::testing::{Cluster, Database};

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(60);

/// Every event goes to all of them.
pub const TARGETS: usize = 6;

/// Servers, configuration, one sender and one receiver; the roles are started by the test.
pub struct World {
    pub kafka: Kafka,
    pub stack: Stack,
    pub receiver: FakeHttp,
    pub cluster: Cluster,
    sender: Sender,
    _database: Database,
}

impl World {
    /// Topics, schemas and an empty database are there.
    pub async fn start() -> Result<Self> {
        let (kafka, registry) = tokio::try_join!(Kafka::own(), okr_tests::registry())?;
        let cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
        let database = cluster.database().await.map_err(|error| anyhow!(error))?;
        let receiver = FakeHttp::start()?;
        let secret = sign::whsec(b"the key that acme uses now......");
        let stack = Stack::new(Config {
            broker: kafka.address().to_owned(),
            registry: registry.url().to_owned(),
            store: database.url.clone(),
            sections: sections(&receiver),
            env: vec![("ACME_SECRET".to_owned(), secret.clone())],
            ..Config::default()
        })?;
        stack.prepare().await?;
        let sender = Sender::new(stack.gateway("/in/acme"), secret)?;
        Ok(Self { kafka, stack, receiver, cluster, sender, _database: database })
    }

    /// Members that are ready.
    pub async fn notifiers(&self, count: usize) -> Result<Vec<Role>> {
        let starts = (0..count).map(|_| self.stack.role("notifier"));
        futures::future::try_join_all(starts).await
    }

    /// Eight senders, each with subjects of its own that begin with `name`.
    pub fn load(&self, name: &str) -> Load {
        self.sender.load(8, name)
    }
}

/// Short leases, so that what a dead member held is soon another's.
fn sections(receiver: &FakeHttp) -> String {
    let text = String::from(
        r#"
[departments]
partitions = 24
[departments.sales]
partitions = "0-22"
[departments.others]
partitions = "23"

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
