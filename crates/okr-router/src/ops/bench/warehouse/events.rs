//! What happens to the key results: check-ins spread over some days, some of them late, some sent twice.

use jiff::{SignedDuration, Timestamp};
use okr::OkrEvent;

use super::super::load::check_in;
use crate::cli::bench::Warehouse as Options;

/// One record in so many is an earlier event once more, and one in so many happened earlier than it came.
const REPEATED: u64 = 33;
const LATE: u64 = 33;
/// How many records ago a repeated event came at most.
const REPEATED_AFTER: u64 = 2_000;

/// The events of a run, by their number on the topic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Events {
    records: u64,
    subjects: u64,
    from: Timestamp,
    /// From one record to the next.
    step: SignedDuration,
}

impl Events {
    /// The last of them happens now.
    pub(super) fn new(options: &Options, now: Timestamp) -> Self {
        let seconds = i64::try_from(options.days * 24 * 60 * 60).unwrap_or(i64::MAX);
        let all = SignedDuration::from_secs(seconds);
        let step = all / i32::try_from(options.records).unwrap_or(i32::MAX);
        Self { records: options.records, subjects: options.subjects, from: now - all, step }
    }

    /// How many different events so many records are.
    pub(super) fn distinct(records: u64) -> u64 {
        (0..records).filter(|number| repeated(*number).is_none()).count() as u64
    }

    /// The event of a record.
    pub(super) fn event(&self, number: u64) -> OkrEvent {
        let number = repeated(number).unwrap_or(number);
        let received = self.from + self.step * i32::try_from(number).unwrap_or(i32::MAX);
        let mut event = check_in(number, draw(number, 1) % self.subjects, received);
        if draw(number, 2).is_multiple_of(LATE) {
            // Up to two check-ins of its key result earlier, so mostly behind one that has come.
            let back = draw(number, 3) % (2 * self.subjects).min(self.records.max(1));
            event.occurred_at = received - self.step * i32::try_from(back).unwrap_or(i32::MAX);
        }
        event
    }

    /// One that is not on the topic, and newer than all that are.
    pub(super) fn single(&self, number: u64) -> OkrEvent {
        check_in(self.records + number, draw(number, 4) % self.subjects, Timestamp::now())
    }
}

/// The earlier record that this one is once more.
fn repeated(number: u64) -> Option<u64> {
    if number == 0 || !draw(number, 5).is_multiple_of(REPEATED) {
        return None;
    }
    let first = number - 1 - draw(number, 6) % number.min(REPEATED_AFTER);
    // What is a repetition itself is not repeated; the one before it mostly is none.
    (0..=first).rev().find(|number| *number == 0 || !draw(*number, 5).is_multiple_of(REPEATED))
}

/// The same number each time (SplitMix64), another one for each `of`.
fn draw(number: u64, of: u64) -> u64 {
    let mut mixed = number.wrapping_mul(8).wrapping_add(of).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
