//! Runs `okr-router bench …` on servers of its own: a Kafka for `worker`, with a registry for `ingest`, a PostgreSQL for
//! `outbox`, both for `warehouse`. For `tests/bench`.

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use okr_tests::{Apicurio, Folder, Kafka, binary};
use store::testing::{Cluster, Database};

/// What runs beside the bench.
struct Servers {
    kafka: Option<Kafka>,
    registry: Option<Apicurio>,
    postgres: Option<(Database, Cluster)>,
}

impl Servers {
    async fn start(verb: &str) -> Result<Self> {
        match verb {
            "ingest" => Ok(Self {
                kafka: Some(Kafka::start().await?),
                registry: Some(Apicurio::start().await?),
                postgres: None,
            }),
            "worker" => Ok(Self { kafka: Some(Kafka::start().await?), registry: None, postgres: None }),
            "outbox" | "warehouse" => {
                let kafka = if verb == "warehouse" { Some(Kafka::start().await?) } else { None };
                let cluster = Cluster::start().await.map_err(|error| anyhow!(error))?;
                let database = cluster.database().await.map_err(|error| anyhow!(error))?;
                Ok(Self { kafka, registry: None, postgres: Some((database, cluster)) })
            }
            other => bail!("there is no bench {other:?}: ingest, worker, outbox or warehouse"),
        }
    }

    /// A configuration for them; what is not named here has its default.
    fn config(&self, folder: &Folder) -> String {
        let broker = self.kafka.as_ref().map_or("127.0.0.1:9092", Kafka::address);
        let file = format!("file:{}", folder.join("state.db").display());
        let store = self.postgres.as_ref().map_or(&file, |(database, _)| &database.url);
        let registry = self.registry.as_ref().map_or("http://127.0.0.1:8081", Apicurio::url);
        let data = folder.path();
        format!(
            "data_dir = {data:?}
[kafka]
brokers = [{broker:?}]
replication = 1
min_insync_replicas = 1
[registry]
url = {registry:?}
[store]
url = {store:?}
[warehouse]
url = {store:?}
[log]
filter = \"warn\"
"
        )
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let verb = words.first().context("say which bench: ingest, worker, outbox or warehouse")?;
    let folder = Folder::new("bench")?;
    let servers = Servers::start(verb).await?;
    let config = folder.join("okr-router.toml");
    std::fs::write(&config, servers.config(&folder))?;
    let mut command = tokio::process::Command::new(binary()?);
    command.arg("bench").args(&words).arg("--config").arg(&config).current_dir(folder.path());
    let ended = command.kill_on_drop(true).status().await.context("okr-router does not start")?;
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
