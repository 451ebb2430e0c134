//! Readers that share no line with us: confluent-kafka and fastavro, standardwebhooks, from PyPI.

use std::{ffi::OsStr, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::cache::fetched;

/// The longest that a script may take, with hundreds of thousands of events.
const PATIENCE: Duration = Duration::from_secs(300);

/// The scripts of `tests/python`.
#[derive(Debug, Clone, Copy)]
pub struct Python;

impl Python {
    /// Reads a topic from its beginning until `count` records were read, and returns them as
    /// `{topic, partition, offset, timestamp, key, headers, value}`, `value` being the decoded record.
    pub async fn read(
        broker: &str,
        registry: &str,
        topic: &str,
        count: usize,
    ) -> Result<Vec<serde_json::Value>> {
        let count = count.to_string();
        let said = Self::run("read.py", &[broker, registry, topic, &count]).await?;
        said.lines().map(|line| serde_json::from_str(line).context("a line is not JSON")).collect()
    }

    /// The headers that PyPI's standardwebhooks makes for this body, as `(name, value)`.
    pub async fn sign(secret: &str, id: &str, timestamp: i64, body: &str) -> Result<Vec<(String, String)>> {
        let said = Self::run("sign.py", &[secret, id, &timestamp.to_string(), body]).await?;
        let headers: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&said)?;
        Ok(headers
            .into_iter()
            .map(|(name, value)| (name, value.as_str().unwrap_or_default().into()))
            .collect())
    }

    /// Runs a script and returns its stdout.
    pub async fn run(script: &str, args: &[impl AsRef<OsStr>]) -> Result<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
        let mut command = tokio::process::Command::new(fetched("python/bin/python")?);
        command.arg(path).args(args).stdin(Stdio::null()).kill_on_drop(true);
        let done = tokio::time::timeout(PATIENCE, command.output()).await??;
        let (said, words) = (String::from_utf8(done.stdout)?, String::from_utf8_lossy(&done.stderr));
        ensure!(done.status.success(), "{script} failed: {said}{words}");
        Ok(said)
    }
}
