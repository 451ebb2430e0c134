//! Records that wait for company: while a group of records is on its way, those that come form the next one.
//!
//! Where keys spread over many partitions, a record that is handed to librdkafka at once is a batch, a request and an
//! answer of its own, and wakes two threads. Under load nothing is lost by waiting for the answers that are due anyway,
//! and whoever comes alone never waits. (Nagle's rule, with records for segments.)

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::context::Answer;
use crate::record::OutRecord;

/// So many records may be on their way before the next one waits.
const ALONE_MAX: usize = 8;
/// A group of this size goes, whatever is on its way.
const GROUP_MAX: usize = 4096;

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Gather {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(OutRecord, Answer)>,
    /// Records that librdkafka has and did not answer.
    on_the_way: usize,
    /// Below this number of them, those that wait are handed over: a quarter of the last group.
    low: usize,
}

impl State {
    fn is_due(&self) -> bool {
        self.on_the_way < self.low.max(ALONE_MAX) || self.waiting.len() >= GROUP_MAX
    }
}

impl Gather {
    /// Takes a record, and hands over all that need not wait, in the order in which they came. `send` gives back whether
    /// librdkafka has the record now.
    pub(super) fn take(
        &self,
        record: OutRecord,
        answer: Answer,
        send: impl FnMut(OutRecord, Answer) -> bool,
    ) {
        let mut state = self.state();
        state.waiting.push_back((record, answer));
        if state.is_due() {
            hand_over(&mut state, send);
        }
    }

    /// A record was answered.
    pub(super) fn answered(&self, send: impl FnMut(OutRecord, Answer) -> bool) {
        let mut state = self.state();
        state.on_the_way = state.on_the_way.saturating_sub(1);
        if state.is_due() && !state.waiting.is_empty() {
            hand_over(&mut state, send);
        }
    }

    /// Nothing waits any longer: no answer has come for a while, or none will.
    pub(super) fn release(&self, send: impl FnMut(OutRecord, Answer) -> bool) {
        let mut state = self.state();
        if !state.waiting.is_empty() {
            hand_over(&mut state, send);
        }
    }

    /// Records that librdkafka has not seen yet.
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Each change is one call, so a panic elsewhere leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Under the lock, so that nobody overtakes: two records of one partition keep their order.
fn hand_over(state: &mut State, mut send: impl FnMut(OutRecord, Answer) -> bool) {
    let State { waiting, on_the_way, low } = state;
    *on_the_way += waiting.drain(..).map(|(record, answer)| usize::from(send(record, answer))).sum::<usize>();
    *low = *on_the_way / 4;
}

#[cfg(test)]
mod tests;
