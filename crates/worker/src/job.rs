//! What passes between the state of the partitions and the work on one record.

use boot::trace::TraceContext;
use bus::InRecord;

use crate::Failure;
use crate::lanes::LaneId;

/// One unfinished record.
#[derive(Debug)]
pub struct Entry<T> {
    pub record: InRecord,
    /// The partition's number in [`crate::partitions::Partitions`].
    pub part: usize,
    /// Present once it was decoded. Boxed, for entries are moved a lot and wait in long queues.
    pub item: Option<Box<T>>,
    /// Failures that used an attempt up.
    pub attempts: u32,
    /// Failures of any kind, by which the pause grows.
    pub tries: u32,
    /// Set when nothing is left but the dead letter.
    pub verdict: Option<Verdict>,
    /// The span of the first try, where spans are recorded.
    pub first_try: Option<TraceContext>,
}

/// Why a record is dead-lettered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub reason: &'static str,
    pub error: String,
}

/// The head of a lane, to be handled, or to be buried if it has a verdict.
#[derive(Debug)]
pub struct Job<T> {
    pub ticket: Ticket,
    pub entry: Entry<T>,
}

/// Where a job belongs: results of an earlier epoch are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub lane: LaneId,
    pub part: usize,
    pub epoch: u64,
    /// See [`crate::ages::Flight`].
    pub flight: u64,
}

/// A job that came home.
#[derive(Debug)]
pub struct Done<T> {
    pub ticket: Ticket,
    pub entry: Entry<T>,
    pub outcome: Outcome,
}

/// How a job ended.
#[derive(Debug)]
pub enum Outcome {
    Handled,
    Failed(Failure),
    /// The dead letter is acknowledged.
    Buried,
    /// The dead letter is perhaps not there.
    Unburied(String),
}

/// What became of a job, for logs and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    Finished,
    /// It waits and is tried again.
    Retried {
        reason: &'static str,
        error: String,
    },
    /// Its dead letter comes next.
    Condemned {
        reason: &'static str,
        error: String,
    },
    Buried {
        reason: &'static str,
        error: String,
        attempts: u32,
    },
    /// Its dead letter waits and is tried again.
    Unburied {
        error: String,
    },
    /// Nothing more starts until a person acts.
    Halted {
        why: String,
    },
    /// Its partition was taken away meanwhile.
    Ignored,
}

impl<T> Entry<T> {
    /// A record as it arrives.
    pub fn new(record: InRecord, part: usize) -> Self {
        Self { record, part, item: None, attempts: 0, tries: 0, verdict: None, first_try: None }
    }
}
