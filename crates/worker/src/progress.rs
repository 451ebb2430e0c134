//! How far a state service has come: kept beside its rows, in the same transaction. Implemented by `store`, and by
//! services that keep their rows in a database of their own.

use std::time::Duration;

use async_trait::async_trait;
use bus::{InRecord, OutRecord, Slot};
use uuid::Uuid;

/// What a record was, to be known again by: topic, partition, offset, time, key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub Uuid);

impl Fingerprint {
    /// The same on every machine and in every version.
    pub fn of(record: &InRecord) -> Self {
        let mut text = Vec::with_capacity(64 + record.size());
        for part in
            [record.slot.topic.as_bytes(), &record.slot.partition.to_be_bytes(), &record.offset.to_be_bytes()]
        {
            text.extend_from_slice(part);
        }
        text.extend_from_slice(&record.timestamp_ms.unwrap_or(i64::MIN).to_be_bytes());
        for part in [&record.key, &record.value] {
            let length = part.as_ref().map_or(-1, |part| part.len() as i64);
            text.extend_from_slice(&length.to_be_bytes());
            text.extend_from_slice(part.as_deref().unwrap_or_default());
        }
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, &text))
    }
}

/// The last record of a slot that is contained in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    pub offset: i64,
    pub fingerprint: Fingerprint,
}

impl Last {
    /// That this record is the last one.
    pub fn of(record: &InRecord) -> Self {
        Self { offset: record.offset, fingerprint: Fingerprint::of(record) }
    }
}

/// Where a slot stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub slot: Slot,
    /// Grows with each assignment; only its holder may commit.
    pub epoch: i64,
    /// The offset after the last record; 0 for a slot that nobody has read.
    pub next: i64,
    /// None for a slot that nobody has read.
    pub last: Option<Last>,
}

impl Standing {
    /// Where to begin to read: at the last record once more, to see that it is still the same.
    pub fn start(&self) -> i64 {
        self.last.map_or(self.next, |last| last.offset)
    }
}

/// One step of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub slot: Slot,
    /// The epoch in which it is ours.
    pub epoch: i64,
    /// Where the slot stood.
    pub from: i64,
    /// Where it stands afterwards.
    pub next: i64,
    /// The last record of the step.
    pub last: Last,
}

/// Everything that one transaction holds.
#[derive(Debug, Clone)]
pub struct Batch<C> {
    /// One for each slot that gets on.
    pub marks: Vec<Mark>,
    /// Rows and state, in the words of the service.
    pub changes: C,
    /// What goes to Kafka after the commit, in this order.
    pub produce: Vec<OutRecord>,
}

/// A record that was committed and is not known to be in Kafka.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Rises in the order of the commits.
    pub id: i64,
    pub record: OutRecord,
}

/// The memory of a state service.
#[async_trait]
pub trait Progress: Send + Sync + 'static {
    /// What a batch writes besides.
    type Changes: Send + Sync + 'static;

    /// The slots are the caller's from now on: raises the epoch of each, durably, and answers where they stand. Gaps
    /// that a person has accepted where one of them does not stand are forgotten.
    async fn assign(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError>;

    /// Where they stand, without moving them. Slots that nobody has read are left out. A commit of these slots that is
    /// still under way, for whoever asks may not have heard of its end, is waited for: it must not land after the answer.
    async fn standings(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError>;

    /// All of the batch in one transaction, if each of its marks finds its slot at its own epoch and at `from`;
    /// otherwise [`ProgressError::Outdated`] and nothing. After `Ok` it is durable; after `Unavailable` it may be; after
    /// `Refused` nothing happened. Of a service with several writers it is called for several batches at once, of which no
    /// two have a slot in common; they may take turns.
    async fn commit(&self, service: &str, batch: &Batch<Self::Changes>) -> Result<(), ProgressError>;

    /// A person has given up what the slot stood on: it begins anew, as one that nobody has read, if it is at its own
    /// `epoch` and at `from`; otherwise [`ProgressError::Outdated`] and nothing. Rows and state stay as they are. The
    /// gap that was accepted goes with it, in one transaction: what is lost later, at whatever offset, is another one.
    async fn restart(&self, service: &str, slot: &Slot, epoch: i64, from: i64) -> Result<(), ProgressError>;

    /// The oldest records that wait for Kafka, at most `limit`, in the order of their ids; none while another `owner`
    /// relays for the service. The caller is the one who relays until `lease` from now.
    async fn outgoing(
        &self,
        service: &str,
        owner: &str,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Outgoing>, ProgressError> {
        let _ = (service, owner, lease, limit);
        Ok(Vec::new())
    }

    /// Kafka has acknowledged these.
    async fn sent(&self, service: &str, ids: &[i64]) -> Result<(), ProgressError> {
        let _ = (service, ids);
        Ok(())
    }
}

/// Why the memory did not move, cut by what the caller does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgressError {
    /// A slot stands elsewhere or is another's: read again where, give up what has a higher epoch.
    #[error("batch was refused: a slot has moved on without us")]
    Outdated,
    /// No answer; what was asked may have been done. Passing.
    #[error("progress was not confirmed: {0}")]
    Unavailable(String),
    /// What a record of the batch holds cannot be kept, and without that record the batch could be: which one, smaller
    /// batches tell, and it gets a dead letter. Never for the store's own trouble.
    #[error("batch was refused for what it holds: {0}")]
    Refused(String),
    /// Waiting does not mend it.
    #[error("progress cannot be kept: {0}")]
    Broken(String),
}
