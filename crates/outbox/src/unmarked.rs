//! Rows of one target that left its hands and are not marked in the store yet: what a death would send again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts them.
#[derive(Debug, Default)]
pub struct Unmarked {
    count: AtomicUsize,
    fewer: Notify,
}

/// One of them, until it is dropped: its mark is written.
#[derive(Debug)]
pub struct Mark(Arc<Unmarked>);

impl Unmarked {
    /// One more.
    pub fn one(self: &Arc<Self>) -> Mark {
        self.count.fetch_add(1, Ordering::Relaxed);
        Mark(Arc::clone(self))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits for a mark to be written; one that was since the last call counts.
    pub async fn fewer(&self) {
        self.fewer.notified().await;
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
        self.0.fewer.notify_one();
    }
}
