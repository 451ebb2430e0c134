//! The Kafka clients on a real broker.

mod admin;
mod consumer;
mod faults;
mod gate;
mod offsets;
mod onlooker;
mod producer;
mod reader;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use bus::{
    Admin, Consumer, Gate, Headers, InRecord, OutRecord, Producer, ReadFrom, Reader, Retention, Settings,
    Signal, WantedTopic,
};

const PATIENCE: Duration = Duration::from_secs(40);

fn settings(address: &str) -> Settings {
    Settings::new(vec![address.to_owned()], "okr-tests")
}

/// A name that no other test has, nor an earlier run on the same broker.
fn name(stem: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{stem}-{}-{}", since.as_millis(), NEXT.fetch_add(1, Ordering::SeqCst))
}

fn wanted(topic: &str, partitions: i32) -> WantedTopic {
    WantedTopic {
        name: topic.to_owned(),
        partitions,
        replication: 1,
        min_isr: 1,
        retention: Retention::Time(Duration::from_secs(7 * 86_400)),
        max_message_bytes: 16 << 20,
    }
}

async fn create(settings: &Settings, topic: &str, partitions: i32) -> Result<()> {
    let admin = Admin::new(settings)?;
    let plan = admin.plan(&[wanted(topic, partitions)]).await?;
    Ok(admin.apply(&plan).await?)
}

fn record(topic: &str, partition: i32, value: impl Into<String>) -> OutRecord {
    OutRecord {
        topic: topic.into(),
        partition,
        key: Some("key".into()),
        value: Some(value.into().into()),
        headers: Headers::new(),
    }
}

/// Sends `count` records with the values `0`, `1`, … to one partition.
async fn fill(settings: &Settings, topic: &str, partition: i32, count: usize) -> Result<()> {
    let producer = Producer::new(settings, PATIENCE)?;
    let queued: Vec<_> = (0..count)
        .map(|n| producer.enqueue(record(topic, partition, n.to_string())))
        .collect::<Result<_, _>>()?;
    for delivery in queued {
        delivery.await?;
    }
    anyhow::ensure!(producer.close(PATIENCE).await == 0, "records were left");
    Ok(())
}

fn text(record: &InRecord) -> &str {
    record.value.as_ref().and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
}

/// All that a topic holds now, by partition and offset.
async fn all(settings: &Settings, topic: &str) -> Result<Vec<InRecord>> {
    let marks = Admin::new(settings)?.watermarks(topic).await?;
    let count: i64 = marks.iter().map(|mark| mark.high - mark.low).sum();
    let mut reader = Reader::open(settings, topic, ReadFrom::Earliest).await?;
    let mut records = Vec::new();
    for _ in 0..count {
        records.push(tokio::time::timeout(PATIENCE, reader.next()).await.context("reading")??);
    }
    records.sort_by_key(|record| (record.slot.partition, record.offset));
    Ok(records)
}

/// A gate that the test opens and closes.
#[derive(Default)]
struct Door {
    closed: AtomicBool,
    admitted: AtomicUsize,
}

impl Door {
    fn open() -> Arc<Self> {
        Arc::new(Self::default())
    }

    fn shut(&self, closed: bool) {
        self.closed.store(closed, Ordering::SeqCst);
    }

    fn admitted(&self) -> usize {
        self.admitted.load(Ordering::SeqCst)
    }
}

impl Gate for Door {
    fn admit(&self, _: usize, _: usize) {
        self.admitted.fetch_add(1, Ordering::SeqCst);
    }

    fn open(&self) -> bool {
        !self.closed.load(Ordering::SeqCst)
    }
}

fn join(settings: &Settings, group: &str, topic: &str, door: &Arc<Door>) -> Result<Consumer> {
    Ok(Consumer::join(settings, group, &[topic], door.clone(), Duration::from_secs(10))?)
}

/// The next signal that is not a passing complaint.
async fn signal(consumer: &mut Consumer) -> Result<Signal> {
    loop {
        match tokio::time::timeout(PATIENCE, consumer.next()).await.context("a signal")? {
            Some(Signal::Error(why)) => eprintln!("complained: {why}"),
            Some(signal) => return Ok(signal),
            None => bail!("the consumer ended"),
        }
    }
}

/// The next record; skips assignments, fails on anything else.
async fn next(consumer: &mut Consumer) -> Result<InRecord> {
    loop {
        match signal(consumer).await? {
            Signal::Record(record) => return Ok(record),
            Signal::Assigned(_) => {}
            other => bail!("no record but {other:?}"),
        }
    }
}

async fn next_many(consumer: &mut Consumer, count: usize) -> Result<Vec<InRecord>> {
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        records.push(next(consumer).await?);
    }
    Ok(records)
}
