//! A server under measurement: a process of its own, so that its processor time and memory are its own.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, Command},
};

use super::super::meter::{self, Meter};
use crate::cli::{Settings, bench::Serve};

/// Ends with its handle, and, because its stdin closes, with us however we end.
pub struct Server {
    child: Child,
    meter: Meter,
    _orders: ChildStdin,
    pub address: SocketAddr,
}

impl Server {
    /// Starts this program as that server, on the same configuration.
    pub async fn start(settings: &Settings, serve: Serve, topic: &str) -> Result<Self> {
        let program = std::env::current_exe().context("our own program is not known")?;
        let mut command = Command::new(program);
        if let Some(config) = &settings.config {
            command.arg("--config").arg(config);
        }
        for (key, value) in &settings.set {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        command.args(["bench", "ingest", "--serve", serve.name(), "--topic", topic]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("the server did not start")?;
        let orders = child.stdin.take().context("the server has no stdin")?;
        let words = child.stdout.take().context("the server has no stdout")?;
        let word = BufReader::new(words).lines().next_line().await?;
        let word = word.with_context(|| format!("{} ended at once", serve.name()))?;
        Ok(Self {
            child,
            meter: Meter::default(),
            _orders: orders,
            address: word.parse().context("the server said no address")?,
        })
    }

    /// What it has used so far.
    pub fn processor_time(&mut self) -> Result<Duration> {
        let id = self.child.id().context("the server has ended")?;
        self.meter.processor_time(id).context("processor time is read from /proc, which only Linux has")
    }

    /// The most memory that it ever held, in bytes.
    pub fn memory_peak(&self) -> Option<u64> {
        meter::memory_peak(self.child.id()?)
    }
}
