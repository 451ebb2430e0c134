//! A clock that moves when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use boot::Clock;
use jiff::{SignedDuration, Timestamp};

/// Clones share their time.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000)))
    }

    /// What is given to a store.
    pub(crate) fn clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.after(0))
    }

    /// `seconds` from now.
    pub(crate) fn after(&self, seconds: i64) -> Timestamp {
        let now = Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap();
        now.saturating_add(SignedDuration::from_secs(seconds)).unwrap()
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}
