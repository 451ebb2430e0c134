//! The tables filled anew from the topic, beside the live ones, and put in their place at once.
//!
//! A new generation of the tables is made by the same steps and filled by the same commits, from the earliest offset on,
//! with offsets of its own. Meanwhile members go on writing to the live one. Once the new one contains what the live one
//! contains, whoever writes is held up for a moment, the last records are read, and the tables change places in one
//! transaction.
//!
//! Offsets and epochs are no part of a generation: those of the live warehouse stay where they are, and the new rows are
//! never behind them. They may be ahead, by what members have not come to yet; it comes to them as events that are there
//! already. So no member has to learn that anything happened.

mod fill;
mod look;
mod run;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bus::BusError;
use worker::{ProgressError, Standing};

use crate::OpenError;
use crate::migrate::MigrateError;

pub(crate) use look::Found;
pub use look::{Outlook, Part, look};
pub use run::{Begun, Rebuild, abandon};

/// What changes places; every other table belongs to the warehouse, not to a generation of its rows.
pub(crate) const TABLES: [&str; 4] = ["okr_events", "okr_state", "okr_progress_daily", "okr_corrections"];
/// What the new generation has to know before it is filled: deliveries that were corrected by records that may be gone
/// by now, and people who were forgotten. The second is there since a later step.
pub(crate) const SEEDS: [&str; 2] = ["okr_corrections", "okr_erasures"];
/// The list of people who were forgotten.
pub(crate) const ERASURES: &str = "okr_erasures";

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Records were written: so many of those that the topic had at the beginning.
    Filled { read: u64, of: u64 },
    /// Everything that the topic had is written, and what came since.
    CaughtUp { read: u64 },
    /// The tables could not be exchanged yet, and why.
    Waiting(String),
    /// They have changed places.
    Exchanged,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Records that were read.
    pub records: u64,
    /// Those of them that are no rows, for they cannot be read or kept, by reason; their dead letters are the members'.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Rows of the tables that went which have no successor, for Kafka no longer has their records.
    pub lost: i64,
    /// Rows of the tables that went which have no successor, for their records were read and are no rows any more.
    pub rejected: i64,
    /// Rows of `okr_events` that records became which both generations contained, shortly before the exchange: in the
    /// one that went, and in the one that came. They agree, unless there was something to mend.
    pub before: i64,
    pub after: i64,
    /// How long writers were held up.
    pub held: Duration,
    /// From the beginning to the end.
    pub took: Duration,
    /// What could not be cleared away, where something could not.
    pub left: Option<String>,
}

/// Why nothing was exchanged; the live tables are as they were, but for [`RebuildError::Unsure`].
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("warehouse: {0}")]
    Home(#[from] ProgressError),
    #[error(transparent)]
    Topic(#[from] BusError),
    /// Another rebuild of this warehouse runs.
    #[error("another rebuild of this warehouse is under way: wait for its end, or end that process")]
    UnderWay,
    /// A schema of our name that we did not make.
    #[error("schema {0} is there and was not made by a rebuild: move it out of the way")]
    Taken(String),
    #[error("warehouse.schema is too long for a schema `{0}` beside it, which may have 63 bytes")]
    TooLong(String),
    /// What stands on the tables and would be lost with them.
    #[error(
        "these stand on tables that would be exchanged, and would not come along: {}; take them away, rebuild, and make \
         them again", .0.join("; ")
    )]
    Strangers(Vec<String>),
    /// What the exchange would be refused for at its end.
    #[error("tables could not be exchanged, for rights are missing: {}; grant them, then run this again", .0.join("; "))]
    Lacking(Vec<String>),
    /// Kafka no longer has what some rows were made of.
    #[error(
        "{0} rows of okr_events come from records that okr.events no longer has, and would be gone: --accept-loss gives \
         them up"
    )]
    Lost(i64),
    /// Records that somebody took are not taken any more.
    #[error(
        "{rows} rows of okr_events come from records that okr.events still has and that are no rows any more, such as \
         {such_as} (left out: {}), and would be gone{}: --accept-loss gives them up", reasons(.skipped), also(*.expired)
    )]
    Rejected { rows: i64, such_as: String, skipped: BTreeMap<&'static str, u64>, expired: i64 },
    /// The topic is not the one that was read.
    #[error(
        "okr.events/{partition} is not what this warehouse has read ({why}): see to the gap first, `okr-router warehouse \
         status` shows it"
    )]
    Elsewhere { partition: i32, why: String },
    /// No record came, though some must be there.
    #[error(
        "okr.events gave no record for {seconds} s, and the warehouse contains {behind} more than were read"
    )]
    Silent { seconds: u64, behind: i64 },
    /// Records cannot be read at all.
    #[error("records of okr.events cannot be read ({reason}): {why}")]
    Unreadable { reason: &'static str, why: String },
    /// Somebody uses the tables.
    #[error(
        "tables could not be exchanged, for they are in use ({0}): end long queries and open transactions, then run this \
         again"
    )]
    Busy(String),
    /// Nobody knows whether they changed places.
    #[error(
        "the exchange was not confirmed ({0}): it was made if the schema of the live tables has a companion `…_retired`; \
         `--abandon` takes that away"
    )]
    Unsure(ProgressError),
    /// The live tables were changed by a migration, or somebody was forgotten.
    #[error("meanwhile {0}: run this again")]
    Overtaken(&'static str),
}

fn reasons(skipped: &BTreeMap<&'static str, u64>) -> String {
    let reasons = skipped.iter().map(|(reason, count)| format!("{count} for {reason}"));
    if skipped.is_empty() { "nothing".to_owned() } else { reasons.collect::<Vec<_>>().join(", ") }
}

fn also(expired: i64) -> String {
    if expired == 0 { String::new() } else { format!(", and {expired} whose records are gone") }
}

impl From<MigrateError> for RebuildError {
    fn from(error: MigrateError) -> Self {
        Self::Open(error.into())
    }
}

/// Rows of `okr_events` that the new generation lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Those whose records the topic no longer has.
    pub(crate) gone: i64,
    /// Those whose records were read and became no rows, and one of these records.
    pub(crate) rejected: i64,
    pub(crate) such_as: Option<String>,
}

/// Where a new generation is made, empty but for [`SEEDS`], and how it takes the place of the live one. Dropped, it leaves
/// what it has made; [`Site::clear`] takes that away, once nobody has the new generation in hand.
#[async_trait]
pub(crate) trait Site: Send {
    /// Where the live one stands.
    async fn live(&mut self) -> Result<Vec<Standing>, RebuildError>;

    /// Rows of `okr_events` in the live generation and in the new one, of records that both contain: what comes before
    /// `covered` by partition, and before where the live one stands.
    async fn rows(&mut self, covered: &[(i32, i64)]) -> Result<(i64, i64), RebuildError>;

    /// Rows of the live generation that the new one lacks, of those before `covered` (by partition, what the new one
    /// contains, or could not find on the topic), and of those that lie where the live one has not read in this topic: of
    /// one that was there before. `skipped` are the partitions and offsets of records that became no rows.
    async fn lost(&mut self, covered: &[(i32, i64)], skipped: &[(i32, i64)]) -> Result<Lost, RebuildError>;

    /// Waits for whatever takes long and is neither a member nor a query; these go on. [`RebuildError::Busy`] when that
    /// took too long.
    async fn reserve(&mut self) -> Result<(), RebuildError>;

    /// After `reserve`: whoever writes to the live one waits from here on; where it stands. Not for long, even if this
    /// process stops. [`RebuildError::Busy`] when that could not be.
    async fn hold(&mut self) -> Result<Vec<Standing>, RebuildError>;

    /// Nobody waits any more.
    async fn release(&mut self);

    /// After `hold`: the new generation, which has come to `next`, is the live one, at once, and nobody waits. On a
    /// failure everything is as it was.
    async fn exchange(&mut self, next: &[(i32, i64)]) -> Result<(), RebuildError>;

    /// Takes away what is not, or no longer, live.
    async fn clear(&mut self) -> Result<(), RebuildError>;
}
