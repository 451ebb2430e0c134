//! `okr.audit`: what was done, by whom and why. Read whole, by assignment; an entry is written before anything counts
//! as done.

use std::{collections::BTreeMap, os::unix::fs::MetadataExt, time::Duration};

use anyhow::{Context, Result};
use bus::{Admin, Headers, OutRecord, Producer, header, place};
use jiff::Timestamp;
use wire::{Audit, Encoder, Stage, Verb};

use super::pile::Pile;
use crate::{config::Whole, parts};

/// The topic.
const TOPIC: &str = "okr.audit";
/// How long Kafka may take to acknowledge an entry.
const WAIT: Duration = Duration::from_secs(30);

/// Everything that was ever noted, as long as the topic keeps it. Empty when there is no such topic yet.
pub async fn read(whole: &Whole, bus: &bus::Settings) -> Result<Vec<Audit>> {
    let Some(mut pile) = Pile::open(bus, TOPIC, None).await? else { return Ok(Vec::new()) };
    let decoder = parts::registry(whole)?.decoder();
    let mut entries = Vec::new();
    while let Some(record) = pile.next().await? {
        let at = (record.slot.partition, record.offset);
        match decoder.audit(record.value.as_deref().unwrap_or_default()).await {
            Ok(entry) => entries.push(entry),
            // A silent registry must not make what was dropped or begun look untouched.
            Err(error) if error.is_passing() => return Err(error).context(format!("{TOPIC} was not read")),
            Err(error) => eprintln!("{TOPIC}/{}@{} is left out: {error}", at.0, at.1),
        }
    }
    Ok(entries)
}

/// What is to be noted.
pub struct Deed<'a> {
    pub verb: Verb,
    pub stage: Stage,
    /// The same in all entries of one run.
    pub run: &'a str,
    /// What it is done to.
    pub object: &'a str,
    pub counts: BTreeMap<&'static str, u64>,
    pub details: BTreeMap<String, String>,
}

/// Writes entries.
pub struct Clerk {
    producer: Producer,
    encoder: Encoder,
    partitions: i32,
}

impl Clerk {
    /// Fails where the topic is missing, before anything is done. The registry is asked with the first entry.
    pub async fn open(whole: &Whole, bus: &bus::Settings) -> Result<Self> {
        let partitions = partitions(bus, TOPIC).await?;
        let registry = parts::registry(whole)?;
        let producer = Producer::new(bus, WAIT)?;
        producer.warm(&[TOPIC]).await?;
        Ok(Self { producer, encoder: registry.encoder(), partitions })
    }

    /// For what is done besides noting it.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// Returns once Kafka has the entry. `who` and `why` are what the caller said.
    pub async fn note(&self, (who, why): (Option<&str>, Option<&str>), deed: Deed<'_>) -> Result<()> {
        let entry = Audit {
            audit_id: uuid::Uuid::now_v7().to_string(),
            run: deed.run.to_owned(),
            at: Timestamp::now(),
            who: named(who),
            verb: deed.verb,
            stage: deed.stage,
            object: deed.object.to_owned(),
            why: why.unwrap_or_default().to_owned(),
            counts: deed.counts.iter().map(|(name, count)| ((*name).to_owned(), *count as i64)).collect(),
            details: deed.details,
        };
        let value = self.encoder.audit(&entry).await?;
        let record = OutRecord {
            topic: TOPIC.into(),
            partition: place::partition(entry.object.as_bytes(), self.partitions),
            key: Some(entry.object.clone().into()),
            value: Some(value),
            headers: headers(&entry),
        };
        self.producer.send(record).await.with_context(|| format!("{TOPIC} has not got the entry"))?;
        Ok(())
    }
}

fn headers(entry: &Audit) -> Headers {
    let mut headers = Headers::new();
    headers.push(header::CE_SPECVERSION, "1.0");
    headers.push(header::CE_ID, entry.audit_id.clone());
    headers.push(header::CE_SOURCE, "okr-router");
    headers.push(header::CE_TYPE, "okr.audit");
    headers.push(header::CE_TIME, entry.at.to_string());
    headers.push(header::CE_SUBJECT, entry.object.clone());
    headers.push(header::CONTENT_TYPE, "application/avro");
    headers
}

/// How many partitions a topic has.
pub async fn partitions(bus: &bus::Settings, topic: &str) -> Result<i32> {
    let states = Admin::new(bus)?.describe(&[topic]).await?;
    let state =
        states.first().with_context(|| format!("topic {topic} is missing: run `okr-router topics apply`"))?;
    Ok(i32::try_from(state.partitions.len())?)
}

/// As they say, else the user of this process.
fn named(who: Option<&str>) -> String {
    let user = || ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let number = || std::fs::metadata("/proc/self").map(|process| format!("user {}", process.uid())).ok();
    let named = who.map(str::to_owned).or_else(user).filter(|name| !name.is_empty());
    named.or_else(number).unwrap_or_else(|| "unknown".to_owned())
}
