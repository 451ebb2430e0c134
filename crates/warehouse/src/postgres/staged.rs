//! States on their way into their table.

use std::collections::HashMap;

use jiff::civil::Date;
use okr::State;
use uuid::Uuid;

use super::columns::{COUNT, Rows};
use crate::subjects::{Outcome, Reach, Seen, one_day};

/// What newer events of one day say of a subject. The database puts it onto the state that it has, so that state need
/// not be read; that is how nearly all events come.
#[derive(Debug)]
pub(super) struct Part {
    subject: Uuid,
    state: State,
    day: Date,
    seen: i64,
}

/// The subjects of which nothing more has to be read, and the others.
pub(super) fn part<'b>(
    reaches: Vec<(Uuid, Reach<'b>)>,
    seen: &HashMap<Uuid, Seen>,
) -> (Vec<Part>, Vec<(Uuid, Reach<'b>)>) {
    let (mut parts, mut others) = (Vec::with_capacity(reaches.len()), Vec::new());
    for (subject, reach) in reaches {
        let day = if let Reach::Newer(events) = &reach { one_day(events) } else { None };
        let state = if let Reach::Newer(events) = &reach { okr::fold(events.iter().copied()) } else { None };
        match day.zip(state) {
            Some((day, state)) => {
                let seen = seen.get(&subject).map_or(0, |seen| seen.version);
                parts.push(Part { subject, state, day, seen });
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
    pub(super) seen: i64,
    /// For a part.
    day: Option<Date>,
}

impl Staged<'_> {
    pub(super) fn rows(&self) -> impl Iterator<Item = StagedRow<'_>> {
        let parts = self.parts.iter().map(|Part { subject, state, day, seen }| StagedRow {
            subject: *subject,
            state,
            seen: *seen,
            day: Some(*day),
        });
        let whole = self.outcomes.iter().filter_map(|Outcome { subject, state, seen, .. }| {
            let state = state.as_ref()?;
            Some(StagedRow { subject: *subject, state, seen: *seen, day: None })
        });
        parts.chain(whole)
    }
}

impl StagedRow<'_> {
    pub(super) fn put(&self, rows: &mut Rows) {
        let (event, is_part) = (self.state.as_event(), self.day.is_some());
        rows.row(COUNT + 7);
        rows.event(event, self.subject, &okr::rank(event));
        rows.big(self.seen + 1);
        rows.truth(is_part);
        rows.truth(is_part && event.owner.is_none());
        rows.truth(is_part && event.manager.is_none());
        rows.truth(is_part && event.cycle.is_none());
        rows.truth(is_part && event.metric.is_none());
        rows.day(self.day);
    }
}
