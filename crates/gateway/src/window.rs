//! The duplicate window: deliveries that Kafka already holds, and those that are on their way.
//!
//! It is written only after the delivery reports, so a repeat is never told "duplicate" of something that may be lost.
//! Twins that come at once wait for the first one's outcome; if it fails, the next one tries for itself.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::watch, time::Instant};

use crate::{answer::Outcome, observe};

/// What an entry costs beside its key and its outcome: two copies of the key's handle, the map's and the queue's slots.
const ENTRY_BYTES: usize = 240;

/// The content of a delivery, see [`sources::Reading::fingerprint`].
pub(crate) type Fingerprint = [u8; 32];

/// How much the window remembers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub age_max: Duration,
    pub entries_max: usize,
    pub bytes_max: usize,
}

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Window {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Bytes, Entry>,
    /// The finished entries, oldest first.
    order: VecDeque<(Instant, Bytes)>,
    bytes: usize,
}

#[derive(Debug)]
enum Entry {
    OnTheWay(watch::Receiver<()>),
    Known { since: Instant, fingerprint: Fingerprint, outcome: Outcome },
}

/// What the window says about a delivery.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Never, or it failed: it is the caller's now.
    Never(Mine),
    /// Kafka holds it.
    Before(Outcome),
    /// Kafka holds another accepted content under this identity.
    Otherwise,
    /// A twin is on its way: wait until it is over, then ask again.
    OnTheWay(watch::Receiver<()>),
}

/// The right to produce a delivery. Dropped without [`Mine::known`], it leaves no trace and lets the twins try.
#[derive(Debug)]
pub(crate) struct Mine {
    window: Arc<Window>,
    key: Bytes,
    /// Dropping it is the signal.
    _over: watch::Sender<()>,
    settled: bool,
}

impl Window {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// Asks about a delivery: `key` names its source and identity.
    pub(crate) fn ask(self: &Arc<Self>, key: &Bytes, fingerprint: &Fingerprint, now: Instant) -> Seen {
        let mut state = self.state();
        state.forget(&self.limits, now);
        match state.entries.get(key) {
            Some(Entry::Known { fingerprint: known, outcome, .. }) if known == fingerprint => {
                return Seen::Before(outcome.clone());
            }
            // What was held gave no event, so a mended content under its identity contradicts nothing.
            Some(Entry::Known { outcome: Outcome::Held(_), .. }) | None => {}
            Some(Entry::Known { .. }) => return Seen::Otherwise,
            Some(Entry::OnTheWay(over)) => return Seen::OnTheWay(over.clone()),
        }
        let (sender, over) = watch::channel(());
        if let Some(Entry::Known { outcome, .. }) = state.entries.insert(key.clone(), Entry::OnTheWay(over)) {
            state.bytes = state.bytes.saturating_sub(cost(key, &outcome));
        }
        Seen::Never(Mine { window: self.clone(), key: key.clone(), _over: sender, settled: false })
    }

    /// A panic elsewhere cannot leave the maps half written: each change is one call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mine {
    /// Kafka holds it: from now on repeats are duplicates.
    pub(crate) fn known(mut self, fingerprint: Fingerprint, outcome: Outcome, now: Instant) {
        self.settled = true;
        let mut state = self.window.state();
        state.bytes += cost(&self.key, &outcome);
        state.entries.insert(self.key.clone(), Entry::Known { since: now, fingerprint, outcome });
        state.order.push_back((now, self.key.clone()));
        state.forget(&self.window.limits, now);
        observe::window(state.order.len(), state.bytes);
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        if !self.settled {
            self.window.state().entries.remove(&self.key);
        }
    }
}

impl State {
    /// Drops what is too old, and the oldest beyond the bounds.
    fn forget(&mut self, limits: &Limits, now: Instant) {
        while let Some((since, key)) = self.order.front() {
            let old = now.saturating_duration_since(*since) >= limits.age_max;
            if !old && self.order.len() <= limits.entries_max && self.bytes <= limits.bytes_max {
                return;
            }
            // An entry that took the place of this one has its own turn later.
            let own = matches!(self.entries.get(key), Some(Entry::Known { since: own, .. }) if own == since);
            if own && let Some(Entry::Known { outcome, .. }) = self.entries.remove(key) {
                self.bytes = self.bytes.saturating_sub(cost(key, &outcome));
            }
            self.order.pop_front();
        }
    }
}

fn cost(key: &Bytes, outcome: &Outcome) -> usize {
    ENTRY_BYTES + key.len() + outcome.size()
}

#[cfg(test)]
mod tests;
