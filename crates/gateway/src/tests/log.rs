//! A log that acknowledges, fails, hangs or waits, as the test says.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use bus::{OutRecord, Placed, SendError};
use bytes::Bytes;
use futures::future::Either;
use okr::OkrEvent;
use tokio::sync::oneshot;
use wire::{Arrival, ArrivalRef, Pending, WireError};

use crate::kafka::{Framing, Log, Report};

/// What becomes of one record; without a word it is acknowledged.
#[derive(Debug)]
pub(super) enum Act {
    Ack,
    /// The report says no.
    Fail(SendError),
    /// It is not even queued.
    Refuse(SendError),
    /// The report comes when the test says so; the record is kept at once.
    Wait(oneshot::Receiver<Result<(), SendError>>),
    Hang,
}

/// What becomes of the next value to be encoded.
#[derive(Debug)]
pub(super) enum Registry {
    Down,
    Hang,
}

#[derive(Debug, Default)]
pub(super) struct Fake {
    acts: Mutex<VecDeque<Act>>,
    registry: Mutex<Option<Registry>>,
    records: Mutex<Vec<OutRecord>>,
    offset: AtomicI64,
    pub enqueued: AtomicUsize,
}

impl Fake {
    pub(super) fn then(&self, act: Act) {
        self.acts.lock().unwrap().push_back(act);
    }

    pub(super) fn registry(&self, registry: Option<Registry>) {
        *self.registry.lock().unwrap() = registry;
    }

    /// The records that were taken, acknowledged or not, of one topic.
    pub(super) fn records(&self, topic: &str) -> Vec<OutRecord> {
        self.records.lock().unwrap().iter().filter(|record| &*record.topic == topic).cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.records.lock().unwrap().len()
    }

    pub(super) fn arrival(record: &OutRecord) -> Arrival {
        serde_json::from_slice(record.value.as_ref().unwrap()).unwrap()
    }

    pub(super) fn event(record: &OutRecord) -> OkrEvent {
        serde_json::from_slice(record.value.as_ref().unwrap()).unwrap()
    }

    pub(super) fn pending_of(record: &OutRecord) -> Pending {
        serde_json::from_slice(record.value.as_ref().unwrap()).unwrap()
    }

    async fn encoded(&self, json: Vec<u8>) -> Result<Bytes, WireError> {
        let hangs = match &*self.registry.lock().unwrap() {
            Some(Registry::Down) => return Err(WireError::RegistryDown("test".to_owned())),
            Some(Registry::Hang) => true,
            None => false,
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        Ok(json.into())
    }
}

impl Log for Fake {
    fn event<'a>(&'a self, event: &'a OkrEvent) -> Framing<'a> {
        Either::Right(Box::pin(self.encoded(serde_json::to_vec(event).unwrap())))
    }

    fn arrival<'a>(&'a self, arrival: &'a ArrivalRef<'a>) -> Framing<'a> {
        Either::Right(Box::pin(self.encoded(serde_json::to_vec(arrival).unwrap())))
    }

    fn pending<'a>(&'a self, pending: &'a Pending) -> Framing<'a> {
        Either::Right(Box::pin(self.encoded(serde_json::to_vec(pending).unwrap())))
    }

    fn enqueue(&self, record: OutRecord) -> Result<Report, SendError> {
        self.enqueued.fetch_add(1, Ordering::SeqCst);
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Ack);
        if let Act::Refuse(error) = act {
            return Err(error);
        }
        let placed =
            Placed { partition: record.partition, offset: self.offset.fetch_add(1, Ordering::SeqCst) };
        self.records.lock().unwrap().push(record);
        Ok(Either::Right(match act {
            Act::Fail(error) => Box::pin(async { Err(error) }),
            Act::Hang => Box::pin(std::future::pending()),
            Act::Wait(word) => Box::pin(async move {
                word.await.unwrap_or(Err(SendError::Closed))?;
                Ok(placed)
            }),
            Act::Ack | Act::Refuse(_) => Box::pin(async move { Ok(placed) }),
        }))
    }
}
