//! A broker, a database and a receiver of the run's own; the members are started by the fleet.

use std::{fmt::Write, sync::Arc, time::Instant};

use anyhow::{Result, anyhow};
use okr_tests::{Kafka, Stack, World as Config};
use store::testing::{Cluster, Database};
use tokio::sync::Mutex;

use crate::{
    events::{DEPARTMENTS, Events, TARGETS, target_name},
    receiver::Receiver,
};

/// Servers and configuration.
pub struct World {
    pub kafka: Arc<Mutex<Kafka>>,
    pub broker: String,
    pub registry: String,
    pub stack: Stack,
    pub receiver: Receiver,
    _database: Database,
    _cluster: Cluster,
}

impl World {
    /// Topics, schemas and an empty database are there.
    pub async fn start(events: Arc<Events>, began: Instant) -> Result<Self> {
        let (kafka, registry) = tokio::try_join!(Kafka::own(), okr_tests::registry())?;
        let cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
        let database = cluster.database().await.map_err(|error| anyhow!(error))?;
        let receiver = Receiver::start(events, began)?;
        let stack = Stack::new(Config {
            broker: kafka.address().to_owned(),
            registry: registry.url().to_owned(),
            store: database.url.clone(),
            sections: sections()?,
            // The harness writes the section itself.
            env: [("SESSION_TIMEOUT", "6s"), ("POLL_INTERVAL_MAX", "12s")]
                .map(|(key, value)| (format!("OKR_ROUTER__KAFKA__{key}"), value.to_owned()))
                .to_vec(),
            ..Config::default()
        })?;
        stack.prepare().await?;
        let registry = registry.url().to_owned();
        let broker = kafka.address().to_owned();
        let kafka = Arc::new(Mutex::new(kafka));
        Ok(Self { kafka, broker, registry, stack, receiver, _database: database, _cluster: cluster })
    }
}

/// Everything that waits for a dead or silent member is short, so that two minutes hold many incidents.
fn sections() -> Result<String> {
    let mut text = String::from(
        r#"
[worker]
drain_grace = "3s"

[outbox]
lease = "8s"
poll = "1s"
drain_grace = "5s"
schedule = ["500ms", "1s"]
breaker = { pause = "1s", pause_max = "2s" }

[log]
filter = "info,outbox=debug"

[departments]
partitions = 24
"#,
    );
    for (name, partitions) in DEPARTMENTS {
        let (first, last) = (partitions.start, partitions.end - 1);
        writeln!(text, "[departments.{name}]\npartitions = \"{first}-{last}\"")?;
    }
    for name in (0..TARGETS).map(target_name) {
        // Each member has a URL of its own, in its environment.
        let url = "http://127.0.0.1:9/";
        writeln!(text, "[destinations.{name}]\nkind = \"http\"\nurl = {url:?}\nrate = \"none\"")?;
        writeln!(text, "[[routes]]\nname = {name:?}\nwhen = \"event.team == '{name}'\"\nto = [{name:?}]")?;
    }
    Ok(text)
}
