//! A topic of one's own, and a member that reads it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bus::{BusError, Headers, InRecord, Slot};
use bytes::Bytes;
use okr::OkrEvent;
use tokio::task::JoinHandle;
use worker::{BatchHandler, Effects, Failure};

use super::super::fill::{Fill, Records};
use super::super::{Outlook, Part};
use crate::{Entry, TOPIC, Target};

pub const PARTITIONS: i32 = 3;

/// By partition: the first offset that is there, and what every offset holds; nothing is no event.
#[derive(Debug, Default)]
struct Held {
    partitions: HashMap<i32, (i64, Vec<Option<OkrEvent>>)>,
    /// Tells one topic's records from another's of the same name.
    stamp: i64,
    /// How many records were read.
    taken: u64,
}

/// Shared by whoever writes and reads.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Held>>);

impl Log {
    pub fn of(events: &[(i32, OkrEvent)]) -> Self {
        let log = Self::default();
        events.iter().for_each(|(partition, event)| log.add(*partition, Some(event.clone())));
        log
    }

    pub fn add(&self, partition: i32, event: Option<OkrEvent>) {
        self.0.lock().unwrap().partitions.entry(partition).or_default().1.push(event);
    }

    /// As a topic that was made anew with the same content.
    pub fn made_anew(&self) -> Self {
        let held = self.0.lock().unwrap();
        Self(Arc::new(Mutex::new(Held {
            partitions: held.partitions.clone(),
            stamp: held.stamp + 1,
            taken: 0,
        })))
    }

    /// What was an event is none any more.
    pub fn spoil(&self, partition: i32, offset: usize) {
        self.0.lock().unwrap().partitions.get_mut(&partition).unwrap().1[offset] = None;
    }

    pub fn taken(&self) -> u64 {
        self.0.lock().unwrap().taken
    }

    pub fn expire(&self, partition: i32, low: i64) {
        self.0.lock().unwrap().partitions.get_mut(&partition).unwrap().0 = low;
    }

    /// Everything that was ever added, in no order.
    pub fn all(&self) -> Vec<OkrEvent> {
        let held = self.0.lock().unwrap();
        held.partitions.values().flat_map(|(_, events)| events.iter().flatten().cloned()).collect()
    }

    pub fn outlook(&self) -> Outlook {
        let held = self.0.lock().unwrap();
        let part = |partition| {
            let (low, high) =
                held.partitions.get(&partition).map_or((0, 0), |(low, all)| (*low, all.len() as i64));
            Part { partition, low, high, next: 0 }
        };
        let parts = (0..PARTITIONS).map(part).collect();
        Outlook {
            parts,
            events: 0,
            expired: 0,
            strangers: Vec::new(),
            lacking: Vec::new(),
            has_leftovers: false,
        }
    }

    pub fn parts(&self) -> (Box<dyn Records>, Meaning) {
        let cursors = self.outlook().parts.iter().map(|part| (part.partition, part.low)).collect();
        (Box::new(Cursor { log: self.clone(), cursors }), Meaning(self.clone()))
    }

    /// Has a home contain everything, by a member that goes on until it is told to stop.
    pub async fn member(&self, target: &Arc<dyn Target>) -> Fill<Meaning> {
        let topic: Vec<_> = (0..PARTITIONS).map(|partition| (partition, 0, 0)).collect();
        let mut member = Fill::begin(Arc::clone(target), self.parts(), &topic, &[]).await.unwrap();
        while member.round().await.unwrap() {}
        member
    }

    /// As [`Log::member`], going on with whatever is added until `Live` is stopped.
    pub async fn live(&self, target: &Arc<dyn Target>) -> Live {
        let mut member = self.member(target).await;
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            loop {
                let is_over = asked.load(std::sync::atomic::Ordering::SeqCst);
                if !member.round().await.unwrap() && is_over {
                    return;
                }
            }
        });
        Live { stop, task }
    }
}

/// A member at work.
pub struct Live {
    stop: Arc<std::sync::atomic::AtomicBool>,
    task: JoinHandle<()>,
}

impl Live {
    /// Once it has written everything.
    pub async fn stop(self) {
        self.stop.store(true, std::sync::atomic::Ordering::SeqCst);
        self.task.await.unwrap();
    }
}

struct Cursor {
    log: Log,
    cursors: HashMap<i32, i64>,
}

impl Cursor {
    fn take(&mut self) -> Option<InRecord> {
        let mut held = self.log.0.lock().unwrap();
        let (partition, offset) = self.cursors.iter_mut().find(|(partition, offset)| {
            held.partitions.get(partition).is_some_and(|(_, all)| **offset < all.len() as i64)
        })?;
        *offset += 1;
        held.taken += 1;
        Some(InRecord {
            slot: Slot::new(TOPIC, *partition),
            offset: *offset - 1,
            timestamp_ms: Some(held.stamp),
            key: None,
            value: Some(Bytes::from_static(b"an event")),
            headers: Headers::new(),
        })
    }
}

#[async_trait]
impl Records for Cursor {
    async fn next(&mut self) -> Result<InRecord, BusError> {
        loop {
            if let Some(record) = self.take() {
                return Ok(record);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Reads what a record holds in the log.
#[derive(Debug)]
pub struct Meaning(Log);

#[async_trait]
impl BatchHandler for Meaning {
    type Item = Entry;
    type Changes = Vec<Entry>;

    async fn decode(&self, record: &InRecord) -> Result<Entry, Failure> {
        let held = self.0.0.lock().unwrap();
        let event = held.partitions[&record.slot.partition].1[record.offset as usize].clone();
        let event = event.ok_or_else(|| Failure::reject("no_event", "the record is no event"))?;
        Entry::new(event, record).map_err(|error| Failure::reject("too_early", error))
    }

    async fn fold(&self, _: Vec<(&InRecord, Entry)>) -> Result<Effects<Vec<Entry>>, Failure> {
        Ok(Effects { changes: Vec::new(), produce: Vec::new() })
    }
}
