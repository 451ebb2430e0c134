//! A broker, a registry, and a warehouse somewhere.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use bus::{Admin, Onlooker, ReadFrom, Reader, Settings};
use okr_tests::{Apicurio, Kafka, Role, Stack, World as Config, until};
use serde_json::Value;

use crate::{
    feed::{Course, Feed, Sent},
    steady::steady,
};

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(90);

pub const PARTITIONS: i32 = 6;

/// Servers and configuration; members are started by the test.
pub struct World {
    pub kafka: Kafka,
    pub stack: Stack,
    registry: &'static Apicurio,
}

impl World {
    /// Topics and schemas are there; `warehouse` is the url of its database, which on a server is the store as well, or
    /// none for a file in `data_dir`.
    pub async fn start(warehouse: Option<&str>) -> Result<Self> {
        let (kafka, registry) = tokio::try_join!(Kafka::own(), okr_tests::registry())?;
        let place = warehouse.map(|_| "[warehouse]\nurl = { env = \"WAREHOUSE_URL\" }\n").unwrap_or_default();
        let server = warehouse.filter(|url| url.starts_with("postgres"));
        let stack = Stack::new(Config {
            broker: kafka.address().to_owned(),
            registry: registry.url().to_owned(),
            store: server.unwrap_or_default().to_owned(),
            sections: format!(
                "{place}\n[departments]\npartitions = {PARTITIONS}\n[departments.others]\npartitions = \"0-{}\"\n\
                 [worker]\nqueue_records_max = 2000\n[worker.batch]\nrecords_max = 200\n",
                PARTITIONS - 1
            ),
            env: vec![
                ("WAREHOUSE_URL".to_owned(), warehouse.unwrap_or_default().to_owned()),
                ("OKR_ROUTER__KAFKA__SESSION_TIMEOUT".to_owned(), "6s".to_owned()),
            ],
            ..Config::default()
        })?;
        stack.prepare().await?;
        Ok(Self { kafka, stack, registry })
    }

    /// Plain events, until they are stopped.
    pub fn feed(&self) -> Result<Feed> {
        Feed::start(self.servers(), steady(), None)
    }

    /// These records, each event kept as a line of a file.
    pub fn tell<B>(&self, course: Course<B>) -> Result<(Feed, PathBuf)>
    where
        B: Iterator<Item = Vec<Sent>> + Send + 'static,
    {
        let kept = self.stack.folder().join("events.jsonl");
        Ok((Feed::start(self.servers(), course, Some(&kept))?, kept))
    }

    pub fn servers(&self) -> (&str, &str) {
        (self.kafka.address(), self.registry.url())
    }

    fn settings(&self) -> Settings {
        Settings::new(vec![self.kafka.address().to_owned()], "okr-tests")
    }

    /// Waits until the group has lost so many of its members that these are left.
    pub async fn crew(&self, members: usize) -> Result<()> {
        let onlooker = Onlooker::new(&self.settings(), "okr.warehouse")?;
        let left = async || {
            let crew = onlooker.crew(SOON).await.ok()?;
            let is_there = |crew: &bus::Crew| !crew.is_rebalancing() && crew.clients.len() == members;
            crew.as_ref().map_or(members == 0, is_there).then_some(())
        };
        until(&format!("a group of {members}"), SOON, left).await
    }

    pub async fn member(&self) -> Result<Role> {
        self.stack.role("warehouse").await
    }

    /// What `warehouse status --json` says, and whether it is content.
    pub async fn status(&self) -> Result<(Value, bool)> {
        let done = self.stack.command(&["warehouse", "status", "--json"]).await?;
        let said = serde_json::from_str(&done.stdout).with_context(|| done.stderr.clone())?;
        Ok((said, done.code == 0))
    }

    /// Waits until so many more events are rows.
    pub async fn more_rows(&self, more: i64) -> Result<()> {
        let rows = async || self.status().await.ok()?.0["events"].as_i64();
        let begin = until("the number of rows", SOON, rows).await?;
        let grown = async || rows().await.filter(|now| *now >= begin + more).map(drop);
        until(&format!("{more} more rows"), SOON, grown).await
    }

    /// Waits until everything on the topic is contained; what the status says then.
    pub async fn all_contained(&self) -> Result<Value> {
        self.all_contained_within(SOON).await
    }

    /// As [`World::all_contained`], with a limit of the test's own.
    pub async fn all_contained_within(&self, limit: Duration) -> Result<Value> {
        let done = async || {
            let (said, is_well) = self.status().await.ok()?;
            (is_well && said["lag"] == 0).then_some(said)
        };
        until("a lag of zero", limit, done).await
    }

    /// Where the dead letters of the warehouse came from, each once.
    pub async fn buried(&self) -> Result<(BTreeSet<(i32, i64)>, usize)> {
        let settings = self.settings();
        let ends = Admin::new(&settings)?.watermarks("okr.dead.warehouse").await?;
        let count: i64 = ends.iter().map(|end| end.high).sum();
        let mut reader = Reader::open(&settings, "okr.dead.warehouse", ReadFrom::Earliest).await?;
        let mut found = BTreeSet::new();
        for _ in 0..count {
            let letter = tokio::time::timeout(SOON, reader.next()).await??;
            let header = |name| letter.headers.get_str(name).context("a letter without its origin");
            ensure!(header(bus::header::OKR_DEAD_SERVICE)? == "warehouse");
            let partition = header(bus::header::OKR_ORIGINAL_PARTITION)?.parse()?;
            found.insert((partition, header(bus::header::OKR_ORIGINAL_OFFSET)?.parse()?));
        }
        Ok((found, count as usize))
    }

    /// That the group has committed what the database holds, so that lag tools see it.
    pub async fn committed(&self) -> Result<()> {
        let admin = Admin::new(&self.settings())?;
        let ends = admin.watermarks("okr.events").await?;
        let is_done = async || {
            let committed = admin.committed("okr.warehouse", "okr.events").await.ok()?;
            ends.iter().all(|end| committed.contains(&(end.partition, Some(end.high)))).then_some(())
        };
        until("the offsets in Kafka as well", SOON, is_done).await
    }
}
