//! The embedded pair, broker and registry, inside the test process.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use devstack::{Options, Part};

use crate::Folder;

/// devstack's broker and registry on free ports and fresh files. They run on the runtime of the test that starts them.
#[derive(Debug)]
pub struct Embedded {
    broker: Arc<dyn Part>,
    registry: Arc<dyn Part>,
    folder: Folder,
}

impl Embedded {
    /// Starts both, clean.
    pub async fn start() -> Result<Self> {
        let folder = Folder::new("embedded")?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = |file: &str, key| Options { listen: any, file: folder.join(file), key };
        let broker = devstack::broker(options("broker.db", "kafka.brokers")).await?;
        let registry = devstack::registry(options("registry.json", "registry.url")).await?;
        Ok(Self { broker, registry, folder })
    }

    /// `host:port` of the broker.
    pub fn broker(&self) -> String {
        self.broker.address().to_string()
    }

    /// Base URL of the registry's Confluent API.
    pub fn registry(&self) -> String {
        format!("http://{}", self.registry.address())
    }

    /// Ends the registry and starts it again on the same address and file.
    pub async fn restart_registry(&mut self) -> Result<()> {
        self.registry.stop().await;
        let (listen, file) = (self.registry.address(), self.folder.join("registry.json"));
        self.registry = devstack::registry(Options { listen, file, key: "registry.url" }).await?;
        Ok(())
    }

    /// Ends the broker and starts it again on the same address and file.
    pub async fn restart_broker(&mut self) -> Result<()> {
        self.broker.stop().await;
        let (listen, file) = (self.broker.address(), self.folder.join("broker.db"));
        self.broker = devstack::broker(Options { listen, file, key: "kafka.brokers" }).await?;
        Ok(())
    }
}
