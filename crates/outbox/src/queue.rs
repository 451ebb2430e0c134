//! What the engine asks of a store. `store` implements it twice; one suite runs on both.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Effect, Parcel};

/// Rows of planned deliveries: `planned → leased (attempt) → done | dead`.
///
/// All methods may be called concurrently and from several processes. `now` is always the caller's clock.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Claim and rows in one insert: a parcel whose effect (service, event, target, replay) is known is left out.
    /// On return the rows are durable. Concurrent calls share transactions.
    async fn plan(&self, parcels: Vec<Parcel>) -> Result<Planned, QueueError>;

    /// Which of `effects` are claimed, each in its place: by a row, finished or not, or by [`Queue::close`].
    async fn known(&self, effects: Vec<Effect>) -> Result<Vec<bool>, QueueError>;

    /// Claims effects that get no row, each finished as it is, given up for `reason`. What is claimed already stays as
    /// it is. On return the claims are durable.
    async fn close(&self, effects: Vec<Effect>, reason: &str) -> Result<(), QueueError>;

    /// Takes or renews the leases of `targets` for `owner` until `until`; answers the targets that `owner` holds now.
    /// A target has one owner at a time; a lease that ran out may be taken over. Live owners share targets fairly.
    async fn hold(
        &self,
        service: &str,
        owner: &str,
        targets: &[String],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<String>, QueueError>;

    /// Gives back all target leases of `owner`, so that another may take them at once.
    async fn release(&self, service: &str, owner: &str) -> Result<(), QueueError>;

    /// Leases due rows: unfinished, `not_before` reached, no live row lease, and the first unfinished row of their
    /// subject for that target. Oldest first, at most `limit` per target; each taken row's attempt is counted.
    /// Does not check target leases: the caller holds them.
    async fn take(&self, take: Take) -> Result<Vec<Row>, QueueError>;

    /// Marks rows, all in one transaction. A settlement whose owner and attempt are not the row's current ones, or
    /// whose row is finished, changes nothing; that the lease's time has run out alone is no reason to refuse.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), QueueError>;

    /// For each of `targets` the earliest moment at which [`Queue::take`] would find a row (perhaps in the past): the
    /// least `not_before` or end of a row's lease. Targets without unfinished rows are left out.
    async fn next_due(
        &self,
        service: &str,
        targets: &[String],
    ) -> Result<Vec<(String, Timestamp)>, QueueError>;

    /// Unfinished rows per target.
    async fn depths(&self, service: &str) -> Result<Vec<Depth>, QueueError>;

    /// Forgets finished rows (and with them their claims) last touched before `before`; answers how many.
    async fn prune(&self, before: Timestamp) -> Result<u64, QueueError>;
}

/// What [`Queue::plan`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Planned {
    pub new: usize,
    /// Effects that were claimed before: repeats of a record.
    pub known: usize,
}

/// One question for due rows, over several targets at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    pub service: String,
    /// Who takes; stays on the row until it is settled.
    pub owner: String,
    pub wants: Vec<Want>,
    pub lease_until: Timestamp,
    pub now: Timestamp,
}

/// How many rows of a target at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    pub target: String,
    pub limit: usize,
}

/// A leased row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: i64,
    /// The number of this attempt, the first is 1.
    pub attempt: u32,
    pub parcel: Parcel,
    /// An earlier lease ran out without a mark: the remote may have it already.
    pub ambiguous: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub id: i64,
    pub owner: String,
    pub attempt: u32,
    pub outcome: Outcome,
}

/// What becomes of a row. Every outcome ends its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The remote has it.
    Done,
    /// Not yet: due again from `not_before`.
    Again { not_before: Timestamp, error: String },
    /// Surely not sent: due again from `not_before`, and the attempt is not counted (the count goes back by one).
    Untried { not_before: Timestamp },
    /// Given up; Kafka has acknowledged the dead letter.
    Dead { reason: String, error: String },
}

/// Unfinished rows of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Depth {
    pub target: String,
    pub rows: u64,
    /// When the oldest of them was planned.
    pub oldest: Option<Timestamp>,
}

/// What a caller can do about a failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// Passing: ask again later. What was asked may have been done.
    #[error("store did not answer: {0}")]
    Unavailable(String),
    /// A person must act: the store refuses for a reason that waiting does not mend.
    #[error("store refused: {0}")]
    Broken(String),
}

impl QueueError {
    /// A stable label for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "store_unavailable",
            Self::Broken(_) => "store_broken",
        }
    }
}
