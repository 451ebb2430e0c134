//! When to ask again for a schema id that the registry does not know. Pure: the time is passed in.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// More unknown ids than this are not remembered; they are somebody's flood.
const IDS_MAX: usize = 1024;
/// Graces after which an unknown id counts as new, and is waited for again.
const GRACES_REMEMBERED: u32 = 30;

/// Ids that the registry was asked for in vain.
#[derive(Debug)]
pub(crate) struct Unknown {
    grace: Duration,
    pause: Duration,
    ids: HashMap<u32, Asked>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    first: Instant,
    last: Instant,
}

/// What a caller who needs an id does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Ask the registry; others wait meanwhile.
    Ask,
    /// Come back after this long.
    Wait(Duration),
    /// The grace is over, and the registry was asked a moment ago.
    GiveUp,
}

impl Unknown {
    /// An id is waited for during the grace; the registry is asked for it twenty times in it.
    pub fn new(grace: Duration) -> Self {
        let pause = (grace / 20).clamp(Duration::from_millis(10), Duration::from_millis(500));
        Self { grace, pause, ids: HashMap::new() }
    }

    /// What to do about an id now. A known id is not in here, so that asking is always the answer.
    pub fn turn(&mut self, id: u32, now: Instant) -> Turn {
        let Some(asked) = self.ids.get_mut(&id) else { return Turn::Ask };
        let since_first = now.duration_since(asked.first);
        let since_last = now.duration_since(asked.last);
        if since_first > self.grace * GRACES_REMEMBERED {
            self.ids.remove(&id);
            return Turn::Ask;
        }
        if since_last >= self.pause {
            asked.last = now;
            return Turn::Ask;
        }
        if since_first >= self.grace { Turn::GiveUp } else { Turn::Wait(self.pause - since_last) }
    }

    /// The registry did not know the id.
    pub fn missed(&mut self, id: u32, now: Instant) {
        if self.ids.len() >= IDS_MAX && !self.ids.contains_key(&id) {
            let oldest = self.ids.iter().min_by_key(|(_, asked)| asked.first).map(|(id, _)| *id);
            oldest.map(|oldest| self.ids.remove(&oldest));
        }
        self.ids.entry(id).or_insert(Asked { first: now, last: now }).last = now;
    }

    /// The registry knows the id.
    pub fn found(&mut self, id: u32) {
        self.ids.remove(&id);
    }
}

#[cfg(test)]
mod tests;
