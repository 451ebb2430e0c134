//! The signs of life of a member: does its thread turn, and does it get on in what it holds?

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::slots::Slots;
use crate::record::Slot;

/// What the member's thread leaves behind with each turn; it costs next to nothing.
#[derive(Debug, Default)]
pub(super) struct Beat {
    turns: AtomicU64,
    waits: AtomicBool,
}

impl Beat {
    /// The thread has turned once more; `waits` says that records lie ready which the gate does not let through.
    pub(super) fn turned(&self, waits: bool) {
        // Nobody else writes.
        self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        self.waits.store(waits, Ordering::Relaxed);
    }
}

/// Lets somebody watch over a member from outside, also when whoever drives it stands still. Cheap to clone.
#[derive(Clone)]
pub struct Pulse(Arc<Slots>);

impl fmt::Debug for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pulse").field(&self.0.group()).finish()
    }
}

/// A member at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Glance {
    /// How often its thread has turned: at least ten times a second, unless it waits for a hand-back.
    pub turns: u64,
    /// Records lie ready that the gate does not let through: that it takes no more is as it should be.
    pub is_held: bool,
    /// What it holds.
    pub stands: Vec<Stand>,
}

/// How far a member is in one slot, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stand {
    /// The slot.
    pub slot: Slot,
    /// The offset behind the last record that came.
    pub came: Option<i64>,
    /// Where the next fetch begins; some seconds old.
    pub fetched: Option<i64>,
    /// Records that were fetched and did not come yet; some seconds old.
    pub queued: i64,
    /// The next offset that the broker keeps for the group; some seconds old.
    pub committed: Option<i64>,
    /// Whether the broker is known to keep what was given to commit last.
    pub is_confirmed: bool,
}

impl Pulse {
    pub(super) fn new(slots: Arc<Slots>) -> Self {
        Self(slots)
    }

    /// How the member is now.
    pub fn look(&self) -> Glance {
        Glance {
            turns: self.0.beat.turns.load(Ordering::Relaxed),
            is_held: self.0.beat.waits.load(Ordering::Relaxed),
            stands: self.0.stands(),
        }
    }

    /// What the broker calls this member; no other has this name.
    pub fn client_id(&self) -> &str {
        self.0.client_id.get().map(String::as_str).unwrap_or_default()
    }

    /// The member's group.
    pub fn group(&self) -> &str {
        self.0.group()
    }
}
