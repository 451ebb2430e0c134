//! Which of two events about one subject is the newer one.

use jiff::{SignedDuration, Timestamp};

use crate::{EventId, OkrEvent};

/// A tool's clock may run ahead of ours by this much; what claims more counts as that much ahead, so that a wrong
/// clock cannot hold a subject's state for ever.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(5);

/// Whether the state in `new` takes the place of the state in `old`.
///
/// The one order by which every keeper of state decides: (min(occurred_at, received_at + 5 min), sequence with absent
/// below present, received_at, revision, event_id). It is total, so the last state is the same in whatever order the
/// events arrive; an event never supersedes itself.
pub fn supersedes(old: &OkrEvent, new: &OkrEvent) -> bool {
    rank(new) > rank(old)
}

/// What decides, in this order; the first is when the event counts as having happened.
pub type Rank = (Timestamp, Option<i64>, Timestamp, i64, EventId);

/// The event's place among those of its subject, for keepers that have it in columns. See [`supersedes`].
pub fn rank(event: &OkrEvent) -> Rank {
    let latest = event.received_at.checked_add(CLOCK_SLACK).unwrap_or(Timestamp::MAX);
    (event.occurred_at.min(latest), event.source.sequence, event.received_at, event.revision, event.event_id)
}

#[cfg(test)]
mod tests;
