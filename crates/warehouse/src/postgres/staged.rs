//! States on their way into their table.

use std::collections::HashMap;

use okr::State;
use uuid::Uuid;

use super::columns::{COUNT, Rows};
use crate::subjects::{Outcome, Reach, Seen, is_of_one_day};

/// What newer events of one day say of a subject. The database puts it onto the state that it has, so that state need
/// not be read; that is how nearly all events come.
#[derive(Debug)]
pub(super) struct Part {
    subject: Uuid,
    state: State,
    seen: i64,
}

/// The subjects of which nothing more has to be read, and the others.
pub(super) fn part<'b>(
    reaches: Vec<(Uuid, Reach<'b>)>,
    seen: &HashMap<Uuid, Seen>,
) -> (Vec<Part>, Vec<(Uuid, Reach<'b>)>) {
    let (mut parts, mut others) = (Vec::with_capacity(reaches.len()), Vec::new());
    for (subject, reach) in reaches {
        let events = if let Reach::Newer(events) = &reach { events.as_slice() } else { &[] };
        match okr::fold(events.iter().copied()).filter(|_| is_of_one_day(events)) {
            Some(state) => {
                let seen = seen.get(&subject).map_or(0, |seen| seen.version);
                parts.push(Part { subject, state, seen });
            }
            None => others.push((subject, reach)),
        }
    }
    (parts, others)
}

/// What is merged at once.
#[derive(Debug)]
pub(super) struct Staged<'s> {
    pub(super) parts: &'s [Part],
    pub(super) outcomes: &'s [Outcome],
    /// Nothing more is staged in this transaction.
    pub(super) is_last: bool,
}

/// A row of the staging table.
#[derive(Debug)]
pub(super) struct StagedRow<'s> {
    subject: Uuid,
    state: &'s State,
    /// The version that is there; 0 for none.
    seen: i64,
}

impl Staged<'_> {
    /// In the order of the subjects.
    pub(super) fn rows(&self) -> Vec<StagedRow<'_>> {
        let parts = self.parts.iter().map(|part| (part.subject, &part.state, part.seen));
        let outcomes = self.outcomes.iter();
        let states = outcomes.filter_map(|it| Some((it.subject, it.state.as_ref()?, it.seen)));
        let rows = parts.chain(states).map(|(subject, state, seen)| StagedRow { subject, state, seen });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by_key(|row| row.subject);
        rows
    }
}

impl StagedRow<'_> {
    pub(super) fn put(&self, rows: &mut Rows) {
        let event = self.state.as_event();
        rows.row(COUNT + 1);
        rows.event(event, self.subject, &okr::rank(event));
        rows.big(self.seen + 1);
    }
}
