//! What a batch does to the subjects that it touches: how far back each has to be read, and how it then stands. Pure;
//! both homes ask it.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use okr::{
    Change, Cycle, Metric, OkrEvent, Rank, Source, State, Status, Subject, SubjectType, fold, fold_onto,
};
use uuid::Uuid;

use crate::Entry;
use crate::entry::day;

/// A subject as a home has it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) state: State,
    /// Grows with each change: who writes it says which one he has seen.
    pub(crate) version: i64,
}

impl Stored {
    pub(crate) fn seen(&self) -> Seen {
        Seen { version: self.version, rank: okr::rank(self.state.as_event()) }
    }
}

/// As much of a subject as it takes to know what else is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) version: i64,
    /// Of its newest event.
    pub(crate) rank: Rank,
}

/// What has to be read of a subject's events.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reach<'b> {
    /// None: these are newer than all that is known.
    Newer(Vec<&'b OkrEvent>),
    /// Those from this time on: what came late is not older than they are.
    Since(Timestamp),
    /// All: what the state was made of has changed.
    Whole,
}

/// How a subject stands at the end of a day on which something was heard of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Day {
    pub(crate) day: Date,
    pub(crate) department: Option<String>,
    pub(crate) team: Option<String>,
    pub(crate) progress: Option<f64>,
    pub(crate) confidence: Option<f64>,
    pub(crate) status: Status,
    pub(crate) metric_current: Option<f64>,
    pub(crate) cycle: Option<Cycle>,
    pub(crate) is_deleted: bool,
    pub(crate) is_closed: bool,
}

impl Day {
    fn of(day: Date, state: &State) -> Self {
        let event = state.as_event();
        Self {
            day,
            department: event.department.clone(),
            team: event.team.clone(),
            progress: event.progress,
            confidence: event.confidence,
            status: event.status,
            metric_current: event.metric.as_ref().and_then(|metric| metric.current),
            cycle: event.cycle.clone(),
            is_deleted: event.change == Change::Deleted,
            is_closed: event.change == Change::Closed,
        }
    }

    /// As a state that says nothing else, to put newer events onto for the days after it.
    fn state(self) -> State {
        let Self { department, team, progress, confidence, status, cycle, .. } = self;
        let metric = self.metric_current.map(|now| Metric { current: Some(now), ..Metric::default() });
        State::kept(OkrEvent { department, team, progress, confidence, status, cycle, metric, ..blank() })
    }
}

/// How a subject is to stand.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) subject: Uuid,
    /// None: nothing of it is left.
    pub(crate) state: Option<State>,
    /// The version that was seen; 0 for a subject that was not known.
    pub(crate) seen: i64,
    /// Days that differ, or may.
    pub(crate) days: Vec<Day>,
    /// All other days of it go.
    pub(crate) is_whole: bool,
}

/// How far back the subjects of what came have to be read. `emptied` are those that lost events.
pub(crate) fn reaches<'b>(
    came: &[&'b Entry],
    emptied: &HashSet<Uuid>,
    seen: &HashMap<Uuid, Seen>,
) -> BTreeMap<Uuid, Reach<'b>> {
    let mut subjects: BTreeMap<Uuid, Vec<&'b Entry>> = BTreeMap::new();
    for entry in came {
        subjects.entry(entry.subject).or_default().push(entry);
    }
    let mut reaches: BTreeMap<Uuid, Reach<'b>> = emptied.iter().map(|uid| (*uid, Reach::Whole)).collect();
    for (subject, entries) in subjects {
        reaches.entry(subject).or_insert_with(|| reach(&entries, seen.get(&subject)));
    }
    reaches
}

fn reach<'b>(entries: &[&'b Entry], seen: Option<&Seen>) -> Reach<'b> {
    let first = entries.iter().min_by_key(|entry| entry.rank);
    match first.zip(seen) {
        Some((first, seen)) if first.rank <= seen.rank => Reach::Since(first.ordered_at()),
        _ => Reach::Newer(entries.iter().map(|entry| &entry.event).collect()),
    }
}

/// How a subject stands after events that are newer than all that was known of it.
pub(crate) fn go_on(subject: Uuid, stored: Option<&Stored>, events: &[&OkrEvent]) -> Outcome {
    let (days, state) = days(stored.map(|stored| stored.state.clone()), events);
    Outcome { subject, state, seen: seen(stored), days, is_whole: false }
}

/// How a subject stands, by all its events from a time on; `before` is its last day that has begun by then. Those days
/// are right but for what came late, and all newer events are given: whatever these do not say is still true.
pub(crate) fn catch_up(
    subject: Uuid,
    stored: Option<&Stored>,
    before: Option<Day>,
    events: &[&OkrEvent],
) -> Outcome {
    let (days, _) = days(before.map(Day::state), events);
    let state = match stored {
        Some(stored) => fold_onto(&stored.state, events.iter().copied()),
        None => fold(events.iter().copied()),
    };
    Outcome { subject, state, seen: seen(stored), days, is_whole: false }
}

/// How a subject stands by all its events.
pub(crate) fn begin_anew(subject: Uuid, stored: Option<&Stored>, events: &[&OkrEvent]) -> Outcome {
    Outcome { is_whole: true, seen: seen(stored), ..go_on(subject, None, events) }
}

fn seen(stored: Option<&Stored>) -> i64 {
    stored.map_or(0, |stored| stored.version)
}

/// How it stands at the end of each day of these events, and at last, on top of what was before them.
fn days(mut state: Option<State>, events: &[&OkrEvent]) -> (Vec<Day>, Option<State>) {
    let mut by_day: BTreeMap<Date, Vec<&OkrEvent>> = BTreeMap::new();
    for event in events {
        by_day.entry(day(okr::rank(event).0)).or_default().push(event);
    }
    let mut days = Vec::with_capacity(by_day.len());
    for (day, events) in by_day {
        state = match &state {
            Some(before) => fold_onto(before, events),
            None => fold(events),
        };
        days.extend(state.as_ref().map(|state| Day::of(day, state)));
    }
    (days, state)
}

/// An event that says nothing.
fn blank() -> OkrEvent {
    let text = String::new;
    let source = Source { name: text(), kind: text(), delivery_id: None, sequence: None };
    let subject = Subject {
        kind: SubjectType::Custom,
        namespace: text(),
        id: text(),
        parent_id: None,
        title: None,
        url: None,
    };
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    OkrEvent::new(okr::EventId(Uuid::nil()), epoch, source, Change::Unknown, subject)
}
