//! What is known of a subject by now: its events put together, whatever order they came in.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::order::{Rank, rank};
use crate::{Change, EventId, OkrEvent, Status, supersedes};

/// The state of a subject, in the words of an event: the one that the newest event would be if it said again
/// everything that is still true.
///
/// - `parent_id`, `title`, `url`, `department`, `team`, `progress`, `confidence`, `status`: of the newest event that
///   says it. Null and `unknown` say nothing.
/// - `owner`, `manager`, `cycle`, `metric`: as a whole of the newest event that says any part of it.
/// - everything else (id, revision, times, source, change, actor, note, previous, attributes): the newest event's own.
#[derive(Debug, Clone, PartialEq)]
pub struct State(OkrEvent);

/// Why an event was not applied to a state: the events have to be folded anew, or it belongs elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotApplied {
    /// It came late: what newer events do not say is still to be taken from it.
    #[error("event is older than the newest one of its subject")]
    Late,
    /// It corrects what its delivery said before, which may be part of the state.
    #[error("event is a correction of an earlier delivery")]
    Correction,
    /// It is the newest event once more.
    #[error("event is contained already")]
    Known,
    /// It is about something else.
    #[error("event is about another subject")]
    OtherSubject,
}

impl State {
    /// A state that was kept as [`State::as_event`] gave it. What only newest events have for themselves (actor, note,
    /// previous, attributes) may be left out by who only adds newer events.
    pub fn kept(event: OkrEvent) -> Self {
        Self(event)
    }

    /// The state as an event.
    pub fn as_event(&self) -> &OkrEvent {
        &self.0
    }

    /// Whether the last thing that was heard of the subject is that it is gone.
    pub fn is_deleted(&self) -> bool {
        self.0.change == Change::Deleted
    }

    /// Takes one more event in. It changes nothing but for the newest event of the subject, and gives what [`fold`] of
    /// all its events gives. The caller does not pass an `event_id` whose event is contained; that the newest one comes
    /// again is all that can be seen from here.
    pub fn apply(&mut self, event: &OkrEvent) -> Result<(), NotApplied> {
        let state = &mut self.0;
        if identity(state) != identity(event) {
            return Err(NotApplied::OtherSubject);
        }
        if event.revision > 0 {
            return Err(NotApplied::Correction);
        }
        if event.event_id == state.event_id {
            return Err(NotApplied::Known);
        }
        if !supersedes(state, event) {
            return Err(NotApplied::Late);
        }
        let before = std::mem::replace(state, event.clone());
        fill(state, &before);
        Ok(())
    }
}

/// The state after all these events of one subject, in whatever order they are given; none of no events.
///
/// Only the highest revisions count: of an `event_id`, and of a delivery. Of several copies of one event (the same id
/// and revision, received more than once) the one that was received first counts.
pub fn fold<'e>(events: impl IntoIterator<Item = &'e OkrEvent>) -> Option<State> {
    let mut counted = highest(events);
    counted.sort_unstable_by_key(|event| rank(event));
    let (newest, older) = counted.split_last()?;
    let mut state = (*newest).clone();
    clean(&mut state);
    older.iter().rev().for_each(|event| fill(&mut state, event));
    Some(State(state))
}

/// The state after `before` and these events, the newest of all among them: exact, as [`fold`] of all, where none of
/// them corrects anything, and whatever is contained in `before` and is not among them is older than each of them.
pub fn fold_onto<'e>(before: &State, events: impl IntoIterator<Item = &'e OkrEvent>) -> Option<State> {
    let mut state = fold(events)?;
    fill(&mut state.0, &before.0);
    Some(state)
}

/// Whether `copy` takes the place of `known`, an event of the same id: it is of a higher revision, or of the same one and
/// was received earlier.
pub fn replaces(copy: &Rank, known: &Rank) -> bool {
    (Reverse(copy.3), copy) < (Reverse(known.3), known)
}

/// Those that no correction has replaced, each once.
fn highest<'e>(events: impl IntoIterator<Item = &'e OkrEvent>) -> Vec<&'e OkrEvent> {
    let events: Vec<&OkrEvent> = events.into_iter().collect();
    if events.len() < 2 {
        return events;
    }
    let mut deliveries: HashMap<(&str, &str), i64> = HashMap::new();
    for event in &events {
        if let Some(delivery) = delivery(event) {
            let highest = deliveries.entry(delivery).or_insert(event.revision);
            *highest = event.revision.max(*highest);
        }
    }
    let mut highest: HashMap<EventId, &OkrEvent> = HashMap::new();
    for event in events {
        let known = highest.entry(event.event_id).or_insert(event);
        if replaces(&rank(event), &rank(known)) {
            *known = event;
        }
    }
    let is_replaced =
        |event: &OkrEvent| delivery(event).is_some_and(|delivery| deliveries[&delivery] > event.revision);
    highest.into_values().filter(|event| !is_replaced(event)).collect()
}

fn delivery(event: &OkrEvent) -> Option<(&str, &str)> {
    Some((&event.subject.namespace, event.source.delivery_id.as_deref()?))
}

fn identity(event: &OkrEvent) -> (&str, crate::SubjectType, &str) {
    (&event.subject.namespace, event.subject.kind, &event.subject.id)
}

/// Takes from an older event what the state does not say.
fn fill(state: &mut OkrEvent, older: &OkrEvent) {
    clean(state);
    take(&mut state.subject.parent_id, &older.subject.parent_id, |_| true);
    take(&mut state.subject.title, &older.subject.title, |_| true);
    take(&mut state.subject.url, &older.subject.url, |_| true);
    take(&mut state.department, &older.department, |_| true);
    take(&mut state.team, &older.team, |_| true);
    take(&mut state.progress, &older.progress, |_| true);
    take(&mut state.confidence, &older.confidence, |_| true);
    take(&mut state.owner, &older.owner, says);
    take(&mut state.manager, &older.manager, says);
    take(&mut state.cycle, &older.cycle, says);
    take(&mut state.metric, &older.metric, says);
    if state.status == Status::Unknown {
        state.status = older.status;
    }
}

fn take<T: Clone>(state: &mut Option<T>, older: &Option<T>, says: impl Fn(&T) -> bool) {
    if state.is_none() {
        *state = older.as_ref().filter(|older| says(older)).cloned();
    }
}

/// A record whose fields are all null says what null says.
fn clean(state: &mut OkrEvent) {
    state.owner = state.owner.take().filter(says);
    state.manager = state.manager.take().filter(says);
    state.cycle = state.cycle.take().filter(says);
    state.metric = state.metric.take().filter(says);
}

fn says<T: Default + PartialEq>(record: &T) -> bool {
    *record != T::default()
}

#[cfg(test)]
mod tests;
