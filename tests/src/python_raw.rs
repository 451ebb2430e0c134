//! Records byte for byte, and poison put on a topic, through the independent client.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::{Python, cache::fetched};

impl Python {
    /// All records of a topic as of now, decoded by fastavro: `{topic, partition, offset, key, headers, value}`; what
    /// cannot be decoded has a null `value` and an `error`.
    pub async fn read_all(broker: &str, registry: &str, topic: &str) -> Result<Vec<Value>> {
        lines(&Self::run("raw.py", &["decode", broker, registry, topic]).await?)
    }

    /// As `read_all`, one partition from an offset on.
    pub async fn read_partition(
        broker: &str,
        registry: &str,
        topic: &str,
        partition: i64,
        offset: i64,
    ) -> Result<Vec<Value>> {
        let (partition, offset) = (partition.to_string(), offset.to_string());
        lines(&Self::run("raw.py", &["decode", broker, registry, topic, &partition, &offset]).await?)
    }

    /// All records of a topic as of now, key, value and header values in base64; headers as `[name, value]` pairs.
    pub async fn raw_all(broker: &str, topic: &str) -> Result<Vec<Value>> {
        lines(&Self::run("raw.py", &["read", broker, topic]).await?)
    }

    /// As `raw_all`, the one record at this place.
    pub async fn raw(broker: &str, topic: &str, partition: i64, offset: i64) -> Result<Value> {
        let (partition, offset) = (partition.to_string(), offset.to_string());
        let records = lines(&Self::run("raw.py", &["read", broker, topic, &partition, &offset]).await?)?;
        records.into_iter().next().context("there is no such record")
    }

    /// Puts a record on a topic: `{partition, key, value, headers: [[name, value], …]}`, all bytes in base64.
    pub async fn produce(broker: &str, topic: &str, record: &Value) -> Result<()> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("python/raw.py");
        let mut command = tokio::process::Command::new(fetched("python/bin/python")?);
        command.arg(path).args(["produce", broker, topic, "-"]);
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().context("no stdin")?;
        stdin.write_all(record.to_string().as_bytes()).await?;
        drop(stdin);
        let done = child.wait_with_output().await?;
        ensure!(done.status.success(), "raw.py failed: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }
}

fn lines(said: &str) -> Result<Vec<Value>> {
    said.lines().map(|line| serde_json::from_str(line).context("a line is not JSON")).collect()
}
