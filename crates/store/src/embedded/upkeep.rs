//! What is asked about the whole: depths, pruning, whether the file answers; and what an earlier process left.

use outbox::{Depth, QueueError};

use super::session::Session;
use crate::time;

const DEPTHS: &str =
    "SELECT target, count(*), min(planned_at) FROM router_parcels INDEXED BY router_parcels_by_lane
    WHERE service = ?1 GROUP BY target";

const PRUNE: &str = "DELETE FROM router_effects WHERE id IN (
    SELECT id FROM router_effects WHERE claimed_at < ?1 AND finished_at < ?1 ORDER BY claimed_at LIMIT ?2)";

/// The owner stays: whether the attempt that it began was made is not known.
const END_LEASES: &str = "UPDATE router_lanes SET due_at = ?1 WHERE owner IS NOT NULL AND due_at > ?1";

/// Ends the leases of processes before this one: whoever has the file has it alone, so their owners are gone, and
/// waiting for the leases to run out would only delay what they left.
pub(super) fn inherit(session: &mut Session, now: i64) -> Result<(), QueueError> {
    session.script("DELETE FROM router_holds; DELETE FROM router_members; DELETE FROM router_relays")?;
    session.run(END_LEASES, [now]).map(drop)
}

pub(super) fn depths(session: &mut Session, service: &str) -> Result<Vec<Depth>, QueueError> {
    session.rows(DEPTHS, [service], |row| {
        Ok(Depth {
            target: row.get(0)?,
            rows: row.get(1)?,
            oldest: row.get::<Option<i64>>(2)?.map(time::timestamp),
        })
    })
}

/// Forgets at most `most` effects that were finished before `before`.
pub(super) fn prune(session: &mut Session, before: i64, most: i64) -> Result<u64, QueueError> {
    session.run(PRUNE, (before, most))
}

pub(super) fn ping(session: &mut Session) -> Result<(), QueueError> {
    session.rows("SELECT 1", (), |row| row.get::<i64>(0)).map(drop)
}
