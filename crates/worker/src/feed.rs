//! What the runtime asks of a consumer: `bus::Consumer`, or a fake that a test drives.

use std::future::Future;

use bus::{Consumer, InRecord, Signal, Slot};

use crate::partitions::Offsets;

/// Commits the offsets and lets the rebalance go on.
pub type GiveBack = Box<dyn FnOnce(Offsets) + Send>;

/// What a consumer reports.
pub enum News {
    Assigned(Vec<Slot>),
    Revoking(Vec<Slot>, GiveBack),
    Lost(Vec<Slot>),
    Record(InRecord),
    /// The member has stopped for good; a new one has to join.
    Stalled(String),
    /// The slot's next records are gone; the oldest one kept comes next.
    OutOfRange(Slot),
    Trouble(String),
}

impl News {
    /// The consumer's thread has ended, which nobody asked for.
    pub fn ended() -> Self {
        Self::Stalled("the consumer ended by itself".to_owned())
    }
}

/// A member of a consumer group. `next` may be dropped half-way without loss.
pub trait Feed: Send + 'static {
    /// The next report; none when the consumer has ended.
    fn next(&mut self) -> impl Future<Output = Option<News>> + Send;

    /// Commits without waiting.
    fn commit(&self, offsets: Offsets);

    /// How many records of each slot are not committed yet, as far as known.
    fn lag(&self) -> Vec<(Slot, i64)>;

    /// Commits, leaves the group; bounded in time.
    fn close(self, offsets: Offsets) -> impl Future<Output = ()> + Send;
}

impl Feed for Consumer {
    async fn next(&mut self) -> Option<News> {
        Some(match Consumer::next(self).await? {
            Signal::Assigned(slots) => News::Assigned(slots),
            Signal::Revoking(slots, handback) => {
                News::Revoking(slots, Box::new(move |offsets| handback.give(offsets)))
            }
            Signal::Lost(slots) => News::Lost(slots),
            Signal::Record(record) => News::Record(record),
            Signal::Stalled(why) => News::Stalled(why),
            Signal::OffsetOutOfRange(slot) => News::OutOfRange(slot),
            Signal::Error(why) => News::Trouble(why),
        })
    }

    fn commit(&self, offsets: Offsets) {
        Consumer::commit(self, offsets);
    }

    fn lag(&self) -> Vec<(Slot, i64)> {
        Consumer::lag(self)
    }

    async fn close(self, offsets: Offsets) {
        Consumer::close(self, offsets).await;
    }
}
