//! Events on their way to the topic, and what was put there.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use bus::{Headers, OutRecord, Producer, Settings, header};
use bytes::Bytes;
use futures::future::try_join_all;
use okr::OkrEvent;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::world::SOON;

/// One record that is to be sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub event: OkrEvent,
    pub partition: i32,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    New,
    /// Its event was sent before, as it is or in another version.
    Repeat,
    /// In its place comes what is no event.
    Poison,
}

/// What was put onto the topic, once each record had its receipt.
#[derive(Debug, Default)]
pub struct Fed {
    /// All events, once.
    pub ids: BTreeSet<Uuid>,
    pub records: usize,
    pub repeats: usize,
    /// Partition and offset of what is no event.
    pub poison: BTreeSet<(i32, i64)>,
}

/// A producer at work.
pub struct Feed {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Result<Fed>>,
}

/// Records that are sent together, one such block each `pace`, until it is stopped and so many events were sent.
pub struct Course<B> {
    pub blocks: B,
    pub pace: Duration,
    pub least: usize,
}

impl Feed {
    /// Begins at once; `kept` is a file that gets every event as a line of JSON.
    pub fn start<B>((broker, registry): (&str, &str), course: Course<B>, kept: Option<&Path>) -> Result<Self>
    where
        B: Iterator<Item = Vec<Sent>> + Send + 'static,
    {
        let producer = Producer::new(&Settings::new(vec![broker.to_owned()], "okr-tests"), SOON)?;
        let encoder = wire::Registry::new(registry, SOON)?.encoder();
        let kept = kept.map(File::create).transpose()?.map(BufWriter::new);
        let stop = Arc::<AtomicBool>::default();
        let asked = Arc::clone(&stop);
        let task = tokio::spawn(async move { feed((&producer, &encoder), course, kept, &asked).await });
        Ok(Self { stop, task })
    }

    /// Ends it once it has sent enough, and everything is acknowledged.
    pub async fn stop(self) -> Result<Fed> {
        self.stop_within(SOON).await
    }

    /// As [`Feed::stop`], with a limit of the test's own.
    pub async fn stop_within(self, limit: Duration) -> Result<Fed> {
        self.stop.store(true, Ordering::SeqCst);
        tokio::time::timeout(limit, self.task).await??
    }
}

async fn feed<B: Iterator<Item = Vec<Sent>>>(
    (producer, encoder): (&Producer, &wire::Encoder),
    course: Course<B>,
    mut kept: Option<BufWriter<File>>,
    stop: &AtomicBool,
) -> Result<Fed> {
    producer.warm(&["okr.events"]).await?;
    let (mut fed, began) = (Fed::default(), Instant::now());
    for (block, number) in course.blocks.zip(1..) {
        if stop.load(Ordering::SeqCst) && fed.ids.len() >= course.least {
            break;
        }
        let mut records = Vec::with_capacity(block.len());
        for sent in block {
            fed.records += 1;
            fed.repeats += usize::from(sent.kind == Kind::Repeat);
            if sent.kind != Kind::Poison {
                fed.ids.insert(sent.event.event_id.0);
                if let Some(file) = &mut kept {
                    writeln!(file, "{}", serde_json::to_string(&sent.event)?)?;
                }
            }
            records.push((record(&sent, encoder).await?, sent.kind == Kind::Poison));
        }
        let sends = records.into_iter().map(async |(record, is_poison)| {
            let (partition, placed) = (record.partition, producer.send(record).await?);
            Ok::<_, anyhow::Error>(is_poison.then_some((partition, placed.offset)))
        });
        fed.poison.extend(try_join_all(sends).await?.into_iter().flatten());
        tokio::time::sleep((course.pace * number).saturating_sub(began.elapsed())).await;
    }
    if let Some(mut file) = kept {
        file.flush()?;
    }
    ensure!(producer.close(SOON).await == 0, "records without a receipt");
    Ok(fed)
}

async fn record(sent: &Sent, encoder: &wire::Encoder) -> Result<OutRecord> {
    let Sent { event, partition, kind } = sent;
    let is_poison = *kind == Kind::Poison;
    let value = if is_poison { Bytes::from_static(b"no event") } else { encoder.event(event).await? };
    let mut headers = Headers::new();
    headers.push(header::CE_ID, event.event_id.to_string());
    headers.push(header::CE_TYPE, okr::ce_type(event));
    Ok(OutRecord {
        topic: "okr.events".into(),
        partition: *partition,
        key: Some(Bytes::from(okr::subject_key(&event.subject))),
        value: Some(value),
        headers,
    })
}
