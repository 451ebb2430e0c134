//! The duplicate window: deliveries that Kafka already holds, and those that are on their way.
//!
//! It is written only after the delivery reports, so a repeat is never told "duplicate" of something that may be lost.
//! Twins that come at once wait for the first one's outcome; if it fails, the next one tries for itself.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::SendError;
use metrics::Gauge;
use sources::Fingerprint;
use tokio::{sync::watch, time::Instant};

use crate::{answer::Outcome, observe};

/// What an entry costs beside its outcome: the map's slot, at most half of them empty, and the queue's.
const ENTRY_BYTES: usize = 2 * size_of::<(Name, Entry)>() + size_of::<(Age, Name)>();

/// A larger window grows into its place.
const PLACES_MAX: usize = 100_000;

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
    /// What ages are counted from.
    began: Instant,
    names: (RandomState, RandomState),
    state: Mutex<State>,
    held: (Gauge, Gauge),
}

/// Stands for a source and a delivery's identity: 128 bits that nobody outside can foretell, so that no two deliveries
/// are taken for each other by chance or on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    high: u64,
    low: u64,
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
    }
}

/// Nanoseconds since the window began: half of what an [`Instant`] takes, for there are many.
type Age = u64;

#[derive(Debug)]
struct State {
    entries: HashMap<Name, Entry, BuildHasherDefault<AsItIs>>,
    /// The finished entries, oldest first.
    order: VecDeque<(Age, Name)>,
    bytes: usize,
}

#[derive(Debug)]
enum Entry {
    /// Twins that wait hold the other end; it is made for the first of them, and most deliveries have none.
    OnTheWay(Option<watch::Sender<()>>),
    Known {
        since: Age,
        /// Half of a fingerprint: it is compared with that of one other delivery.
        content: u64,
        outcome: Outcome,
    },
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
    name: Name,
    settled: bool,
}

impl Window {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        // The place is there from the beginning, though no memory before it is used: growing would need it twice.
        let places = limits.entries_max.min(limits.bytes_max / ENTRY_BYTES).min(PLACES_MAX);
        let state = State {
            entries: HashMap::with_capacity_and_hasher(places, Default::default()),
            order: VecDeque::with_capacity(places),
            bytes: 0,
        };
        let (began, names, state) = (Instant::now(), Default::default(), Mutex::new(state));
        Arc::new(Self { limits, began, names, state, held: observe::window() })
    }

    /// Asks about a delivery: `key` names its source and identity. One that is `understood` now and was held before
    /// contradicts nothing, even if it says the same: the mapping, or the way it came, was mended meanwhile.
    pub(crate) fn ask(
        self: &Arc<Self>,
        key: &[u8],
        (content, understood): (Fingerprint, bool),
        now: Instant,
    ) -> Seen {
        let name = self.name(key);
        let mut state = self.state();
        state.forget(&self.limits, self.age(now));
        match state.entries.get_mut(&name) {
            Some(Entry::Known { content: known, outcome, .. })
                if *known == half(content) && !(understood && is_mendable(outcome)) =>
            {
                return Seen::Before(outcome.clone());
            }
            // What was held gave no event, so a mended content under its identity contradicts nothing.
            Some(Entry::Known { outcome: Outcome::Held(_), .. }) | None => {}
            Some(Entry::Known { .. }) => return Seen::Otherwise,
            Some(Entry::OnTheWay(over)) => {
                let over = over.get_or_insert_with(|| watch::channel(()).0);
                return Seen::OnTheWay(over.subscribe());
            }
        }
        if let Some(Entry::Known { outcome, .. }) = state.entries.insert(name, Entry::OnTheWay(None)) {
            state.bytes = state.bytes.saturating_sub(cost(&outcome));
        }
        Seen::Never(Mine { window: self.clone(), name, settled: false })
    }

    fn name(&self, key: &[u8]) -> Name {
        Name { high: self.names.0.hash_one(key), low: self.names.1.hash_one(key) }
    }

    fn age(&self, now: Instant) -> Age {
        u64::try_from(now.saturating_duration_since(self.began).as_nanos()).unwrap_or(Age::MAX)
    }

    /// A panic elsewhere cannot leave the maps half written: each change is one call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mine {
    /// Kafka holds it: from now on repeats are duplicates.
    pub(crate) fn known(mut self, content: Fingerprint, outcome: Outcome, now: Instant) {
        self.settled = true;
        let age = self.window.age(now);
        let mut state = self.window.state();
        state.bytes += cost(&outcome);
        // The entry that it replaces has what its twins wait for; that is dropped, and they ask again.
        let known = Entry::Known { since: age, content: half(content), outcome };
        state.entries.insert(self.name, known);
        state.order.push_back((age, self.name));
        state.forget(&self.window.limits, age);
        self.window.held.0.set(state.order.len() as f64);
        self.window.held.1.set(state.bytes as f64);
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        if !self.settled {
            self.window.state().entries.remove(&self.name);
        }
    }
}

impl State {
    /// Drops what is too old, and the oldest beyond the bounds.
    fn forget(&mut self, limits: &Limits, now: Age) {
        while let Some((since, name)) = self.order.front() {
            let old = Duration::from_nanos(now.saturating_sub(*since)) >= limits.age_max;
            if !old && self.order.len() <= limits.entries_max && self.bytes <= limits.bytes_max {
                return;
            }
            // An entry that took the place of this one has its own turn later.
            let own = matches!(self.entries.get(name), Some(Entry::Known { since: own, .. }) if own == since);
            if own && let Some(Entry::Known { outcome, .. }) = self.entries.remove(name) {
                self.bytes = self.bytes.saturating_sub(cost(&outcome));
            }
            self.order.pop_front();
        }
    }
}

/// Whether the delivery may become events another time. What is too large for a record stays so.
fn is_mendable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Held(reason) if *reason != SendError::TooLarge.reason())
}

fn half(content: Fingerprint) -> u64 {
    content as u64
}

fn cost(outcome: &Outcome) -> usize {
    ENTRY_BYTES + outcome.size()
}

/// Names are hashes already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, name: u64) {
        self.0 = name;
    }
}

#[cfg(test)]
mod tests;
