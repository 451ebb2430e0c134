//! What every home of the warehouse promises.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use tokio::time::timeout;
use uuid::Uuid;
use worker::{Progress, ProgressError, Standing};

use crate::Entry;
use crate::erasures::{Erasure, Erasures};
use crate::sweep::{Rule, Swept};

/// How long a server may take to say that a connection is there.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A turn at what one member at a time does. Dropped, or with its process, it is free.
#[derive(Debug, Default)]
pub struct Turn {
    /// None in a home that one process has to itself.
    held_by: Option<ClientWrapper>,
}

impl Turn {
    pub(crate) fn of(connection: ClientWrapper) -> Self {
        Self { held_by: Some(connection) }
    }

    /// Whether it is still ours; to be asked more often than the server waits for a silent session.
    pub(crate) async fn is_held(&self) -> bool {
        let Some(connection) = &self.held_by else { return true };
        let answer = timeout(ANSWER_MAX, connection.batch_execute("SELECT 1")).await;
        answer.is_ok_and(|answer| answer.is_ok())
    }
}

/// A home of the warehouse's tables. One suite (`src/tests/suite`) runs on all of them.
///
/// Whoever implements this promises what [`Progress`] says, with the rows beside the offsets, and besides:
///
/// - **Each event once.** After any commits, in any order, with any repeats, there is one row per `event_id`: the copy
///   that [`okr::replaces`] prefers, the highest revision first. A higher revision of a delivery takes away the rows of
///   that delivery that have a lower one, and later ones are refused.
/// - **State is the fold.** The state of each subject is [`okr::fold`] of its rows, and of each day (UTC, by when an event
///   counts as having happened) on which it has an event, the fold of its rows up to the end of that day; also when two
///   members meet at one subject, because it moved from one partition to another.
/// - **All or nothing, as far as offsets tell.** Rows, state and offsets appear at once. An epoch that is not the newest
///   changes nothing, however late it comes.
/// - **Several at a time.** Commits come at once from several members and from several writers of one, never two with the
///   same slot. They may meet at a subject, or at an event that came twice; a home may have them wait for each other.
/// - **Who was forgotten stays so.** What is written goes through [`Erasures`] first, as they stand in the same transaction:
///   no commit that has not seen an addition ends after [`Target::forget`] has answered.
/// - **Errors are cut by what helps.** [`ProgressError::Refused`] is for what lies in the values of a row and in nothing
///   else, for its record becomes a dead letter. A full disk, a lock, a restart, a read-only standby are
///   [`ProgressError::Unavailable`]; what a person has to mend is [`ProgressError::Broken`].
///
/// The traits speak of batches and of what is true afterwards, not of SQL, so that homes without transactions fit, too:
///
/// - **Parquet** (files in an object store): a commit writes the batch's files under names of their own (slot, epoch,
///   from), which nobody reads yet, and then exchanges one manifest that names the files and holds the standings, on the
///   condition that it is the one that was read (`If-Match`). The exchange is the transaction; `assign` exchanges it,
///   too. Deletions and replaced events are files of ids. State and days are folded by a compaction that goes on beside
///   it and is named in the manifest with the offsets that it contains, or by who reads. The list of erasures is named
///   there as well, so whoever is forgotten lets all commits fail that went by another list; they read it and write their
///   files again. A sweep writes the files of some subjects anew and exchanges them like a compaction; the person is gone
///   once the old files are deleted, which has to be done before `sweep` answers, at the cost of who still reads them.
///   The turn is a name with an end in the manifest. All commits of all writers exchange one manifest: one that finds
///   another there than it has read, with the same list and without a correction, need only try the exchange again, and
///   where that becomes the bound, the writers of a process hand their files to one of them.
/// - **ClickHouse**: `ReplacingMergeTree` by `event_id` with revision and rank as its version, read with `FINAL`, and
///   views for state and days by `argMax`, so nothing but rows is written. A commit inserts the rows with
///   `insert_deduplication_token` = (slot, epoch, from, number of the list), then the standings into a `KeeperMap` on the condition of their
///   epoch. Should it end between the two, the same rows come again and change nothing: rows may be ahead of the offsets
///   for a moment, offsets never ahead of the rows. There is no transaction over both, so each standing also holds the
///   number of the list of erasures by which its rows were written, and a commit demands it as it demands the epoch:
///   `forget` adds to the list, raises that number in all standings, one by one, and answers then. A commit that is
///   refused for it writes its rows again, by the new list; the number is the last part of a row's version, so they
///   replace those that it left. A sweep inserts the events of some subjects so, and then has the older versions deleted
///   by a mutation that it waits for (`mutations_sync`); one by age is a mutation alone. Rows that a member inserts late,
///   because it stood still, are under a standing that was raised: whoever has the slot next sweeps what lies beyond it.
///   The turn is a key of the `KeeperMap` with an end. Writers have no key in common, so several are as one each.
#[async_trait]
pub trait Target: Progress<Changes = Vec<Entry>> + Debug {
    /// Its name in metrics: `postgres`, `embedded`.
    fn name(&self) -> &'static str;

    /// Answers when the home does, and the last commit found room on its disk; bounded in time.
    async fn ping(&self) -> Result<(), ProgressError>;

    /// Where every slot stands that was ever read, by topic and partition.
    async fn offsets(&self) -> Result<Vec<Standing>, ProgressError>;

    /// Who was forgotten.
    async fn erasures(&self) -> Result<Erasures, ProgressError>;

    /// Adds to those who were forgotten, under the name of a run. Once it is answered, no commit of whatever member writes
    /// what the list erases; of rows that are there it changes none.
    async fn forget(&self, erasures: &[Erasure], run: &str) -> Result<(), ProgressError>;

    /// Goes through the subjects that come after this one, some of them, while commits go on, and counts what the rule
    /// takes out of their events. Where it applies, it does: the events of a subject and its state change at once, and the state
    /// is the fold of what is left.
    async fn sweep(&self, after: Option<Uuid>, rule: &Rule, applies: bool) -> Result<Swept, ProgressError>;

    /// The turn to go through all subjects by their age; none while another member has it.
    async fn turn(&self) -> Result<Option<Turn>, ProgressError>;
}
