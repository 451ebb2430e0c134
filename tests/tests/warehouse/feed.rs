//! Events that keep coming: some twice, and now and then a record that is none.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use bus::{Headers, OutRecord, Producer, Settings, header, place};
use bytes::Bytes;
use futures::future::try_join_all;
use jiff::Timestamp;
use okr::{Change, OkrEvent, Source, Subject, SubjectType};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::world::{PARTITIONS, SOON};

const SUBJECTS: u64 = 60;
/// Records that are sent together, and the pause after them.
const BLOCK: u64 = 100;
const PACE: Duration = Duration::from_millis(100);
/// How far a repeat lies behind what it repeats: further than a batch.
const BEHIND: usize = 3 * BLOCK as usize;

/// What was put onto the topic, once each record had its receipt.
#[derive(Debug, Default)]
pub struct Fed {
    /// All events, once.
    pub ids: BTreeSet<Uuid>,
    pub repeats: u64,
    /// Partition and offset of what is no event.
    pub poison: BTreeSet<(i32, i64)>,
}

/// A producer at work.
pub struct Feed {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Result<Fed>>,
}

impl Feed {
    /// Begins at once.
    pub fn start(broker: &str, registry: &str) -> Result<Self> {
        let producer = Producer::new(&Settings::new(vec![broker.to_owned()], "okr-tests"), SOON)?;
        let encoder = wire::Registry::new(registry, SOON)?.encoder();
        let stop = Arc::<AtomicBool>::default();
        let asked = Arc::clone(&stop);
        let task = tokio::spawn(async move { feed(&producer, &encoder, &asked).await });
        Ok(Self { stop, task })
    }

    /// Ends it once everything is acknowledged.
    pub async fn stop(self) -> Result<Fed> {
        self.stop.store(true, Ordering::SeqCst);
        tokio::time::timeout(SOON, self.task).await??
    }
}

async fn feed(producer: &Producer, encoder: &wire::Encoder, stop: &AtomicBool) -> Result<Fed> {
    producer.warm(&["okr.events"]).await?;
    let (mut fed, mut earlier, mut number) = (Fed::default(), VecDeque::new(), 0);
    while !stop.load(Ordering::SeqCst) {
        let mut block = Vec::new();
        for number in number..number + BLOCK {
            let (event, is_poison) = (event(number), number % 997 == 500);
            let key = okr::subject_key(&event.subject);
            let value =
                if is_poison { Bytes::from_static(b"no event") } else { encoder.event(&event).await? };
            let record = record(key, value, &event);
            if !is_poison {
                fed.ids.insert(event.event_id.0);
                earlier.push_back(record.clone());
            }
            block.push((record, is_poison));
            if number % 10 == 0 && earlier.len() > BEHIND {
                fed.repeats += 1;
                block.extend(earlier.pop_front().map(|record| (record, false)));
            }
        }
        let sends = block.into_iter().map(async |(record, is_poison)| {
            let (partition, placed) = (record.partition, producer.send(record).await?);
            Ok::<_, anyhow::Error>(is_poison.then_some((partition, placed.offset)))
        });
        fed.poison.extend(try_join_all(sends).await?.into_iter().flatten());
        number += BLOCK;
        earlier.truncate(4 * BEHIND);
        tokio::time::sleep(PACE).await;
    }
    ensure!(producer.close(SOON).await == 0, "records without a receipt");
    Ok(fed)
}

fn record(key: String, value: Bytes, event: &OkrEvent) -> OutRecord {
    let mut headers = Headers::new();
    headers.push(header::CE_ID, event.event_id.to_string());
    headers.push(header::CE_TYPE, okr::ce_type(event));
    OutRecord {
        topic: "okr.events".into(),
        partition: place::partition(key.as_bytes(), PARTITIONS),
        key: Some(Bytes::from(key)),
        value: Some(value),
        headers,
    }
}

fn event(number: u64) -> OkrEvent {
    let subject = format!("kr-{}", number % SUBJECTS);
    let id = okr::event_id("feed", &number.to_string(), &format!("feed/key_result/{subject}"), 0);
    let source = Source {
        name: "feed".to_owned(),
        kind: "okr".to_owned(),
        delivery_id: Some(number.to_string()),
        sequence: Some(number as i64),
    };
    let of = Subject {
        kind: SubjectType::KeyResult,
        namespace: "feed".to_owned(),
        id: subject,
        parent_id: None,
        title: Some("Grow".to_owned()),
        url: None,
    };
    let mut event = OkrEvent::new(id, Timestamp::now(), source, Change::CheckedIn, of);
    event.progress = Some((number % 100) as f64 / 100.0);
    event
}
