//! `okr-router tail`: records of a topic as JSON lines, decoded.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use bus::{InRecord, ReadFrom, Reader};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    cli::{Settings, Tail},
    config::{self, Reader as Audience},
    parts,
};

/// Reads by assignment, without a group, so that nobody's offsets move.
pub fn run(settings: &Settings, options: &Tail) -> Result<ExitCode> {
    let whole = config::read(settings, Audience::Command)?;
    let from = from(&options.from, Timestamp::now())?;
    let bus = parts::bus_settings(&whole, "okr-router-tail")?;
    let registry = parts::registry(&whole)?;
    super::block_on(async {
        let decoder = registry.decoder();
        let mut reader = Reader::open(&bus, &options.topic, from).await?;
        let mut left = options.max.unwrap_or(u64::MAX);
        while left > 0 {
            let record = tokio::select! {
                record = reader.next() => record?,
                _ = tokio::signal::ctrl_c() => break,
            };
            let value = match &record.value {
                Some(frame) => decoder.any(frame).await,
                None => Ok(Value::Null),
            };
            if let Err(error) = &value {
                let at = (record.slot.partition, record.offset);
                eprintln!("{}/{}@{} was not decoded: {error}", options.topic, at.0, at.1);
            }
            if !super::put(&format!("{}\n", line(&record, value.unwrap_or(Value::Null))))? {
                break;
            }
            left -= 1;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// `earliest`, `latest`, a time, or a time ago such as `-15m`.
fn from(text: &str, now: Timestamp) -> Result<ReadFrom> {
    match text {
        "earliest" => return Ok(ReadFrom::Earliest),
        "latest" => return Ok(ReadFrom::Latest),
        _ => {}
    }
    if let Some(ago) = text.strip_prefix('-') {
        let ago: boot::Span = ago.parse().with_context(|| format!("--from {text}"))?;
        let at = now.checked_sub(SignedDuration::try_from(ago.0)?)?;
        return Ok(ReadFrom::Time(at.as_millisecond()));
    }
    match text.parse::<Timestamp>() {
        Ok(at) => Ok(ReadFrom::Time(at.as_millisecond())),
        Err(_) => {
            bail!("--from {text:?} is none of earliest, latest, a time such as 2026-11-23T09:00:00Z, or -15m")
        }
    }
}

fn line(record: &InRecord, value: Value) -> Value {
    let mut headers = serde_json::Map::new();
    for (name, value) in record.headers.iter() {
        let text = value.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        headers.insert(name.to_owned(), json!(text));
    }
    json!({
        "topic": &*record.slot.topic,
        "partition": record.slot.partition,
        "offset": record.offset,
        "timestamp": record.timestamp_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()).map(|at| at.to_string()),
        "key": record.key.as_ref().map(|key| String::from_utf8_lossy(key).into_owned()),
        "headers": headers,
        "value": value,
    })
}

#[cfg(test)]
mod tests;
