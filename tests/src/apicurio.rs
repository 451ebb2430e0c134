//! Apicurio Registry, spoken to through its Confluent API.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::OnceCell;

use crate::{Folder, Process, cache::fetched, child::Recipe, free_port, get, until};

static SHARED: OnceCell<Apicurio> = OnceCell::const_new();

const UP_WITHIN: Duration = Duration::from_secs(90);

/// The registry that all tests of this executable share; with `OKR_TEST_REGISTRY=http://…`, that one.
pub async fn registry() -> Result<&'static Apicurio> {
    SHARED.get_or_try_init(Apicurio::start).await
}

/// A registry process, or somebody's registry at `OKR_TEST_REGISTRY`.
#[derive(Debug)]
pub struct Apicurio {
    url: String,
    node: Option<Node>,
}

#[derive(Debug)]
struct Node {
    process: Process,
    recipe: Recipe,
    folder: Folder,
}

impl Apicurio {
    /// A clean registry, or the one at `OKR_TEST_REGISTRY`.
    pub async fn start() -> Result<Self> {
        match std::env::var("OKR_TEST_REGISTRY") {
            Ok(url) if !url.is_empty() => Ok(Self { url, node: None }),
            _ => Self::own().await,
        }
    }

    /// A clean registry that this test may kill.
    pub async fn own() -> Result<Self> {
        let folder = Folder::new("apicurio")?;
        let (port, management) = (free_port(), free_port());
        let app = fetched("apicurio-3.3.3/app")?;
        let database = folder.join("database");
        let args = [
            "-Xms64m".into(),
            "-Xmx384m".into(),
            "-XX:+UseSerialGC".into(),
            "-XX:TieredStopAtLevel=1".into(),
            "-Dquarkus.http.host=127.0.0.1".into(),
            format!("-Dquarkus.http.port={port}"),
            "-Dquarkus.management.host=127.0.0.1".into(),
            format!("-Dquarkus.management.port={management}"),
            "-Dapicurio.storage.kind=sql".into(),
            "-Dapicurio.storage.sql.kind=h2".into(),
            format!("-Dapicurio.datasource.url=jdbc:h2:file:{}", database.display()),
            "-jar".into(),
            app.join("quarkus-run.jar").display().to_string(),
        ];
        let program = fetched("java-registry/bin/java")?;
        let recipe = Recipe { program, args: args.to_vec(), env: Vec::new() };
        let process = Process::start("apicurio", &recipe, &folder)?;
        let node = Node { process, recipe, folder };
        let url = format!("http://127.0.0.1:{port}/apis/ccompat/v7");
        let registry = Self { url, node: Some(node) };
        registry.ready().await?;
        Ok(registry)
    }

    /// The base URL of the Confluent API.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// SIGKILL; the schemas stay for `restart`.
    pub fn kill9(&self) -> Result<()> {
        self.node()?.process.kill9();
        Ok(())
    }

    /// Starts again on the same data and port.
    pub async fn restart(&mut self) -> Result<()> {
        let node = self.node.as_mut().context("a registry of one's own cannot be restarted")?;
        ensure!(node.process.ended().is_some(), "the registry still runs");
        node.process = Process::start("apicurio", &node.recipe, &node.folder)?;
        self.ready().await
    }

    /// SIGSTOP: connections stay open, nothing is answered.
    pub fn pause(&self) -> Result<()> {
        self.node()?.process.signal("STOP")
    }

    /// SIGCONT.
    pub fn resume(&self) -> Result<()> {
        self.node()?.process.signal("CONT")
    }

    async fn ready(&self) -> Result<()> {
        let subjects = format!("{}/subjects", self.url);
        let look = async || match self.node.as_ref().and_then(|node| node.process.ended()) {
            Some(code) => Some(Err(code)),
            None => get(&subjects).await.ok().filter(|reply| reply.status == 200).map(|_| Ok(())),
        };
        match until("the registry's list of subjects", UP_WITHIN, look).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(code)) => bail!("Apicurio ended with {code}: {}", self.node()?.process.tail()),
            Err(error) => Err(error.context(self.node()?.process.tail())),
        }
    }

    fn node(&self) -> Result<&Node> {
        self.node.as_ref().context("the registry at OKR_TEST_REGISTRY is not ours to stop")
    }
}
