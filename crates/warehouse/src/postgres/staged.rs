//! States on their way into their table.

use okr::{OkrEvent, State};
use uuid::Uuid;

use super::columns::{COUNT, Rows};
use crate::subjects::Outcome;

/// A row of the staging table.
#[derive(Debug)]
pub(super) struct StagedRow<'s> {
    subject: Uuid,
    event: &'s OkrEvent,
    /// The version that is there; 0 for none.
    seen: i64,
}

/// In the order of the subjects.
pub(super) fn rows<'s>(outcomes: &'s [Outcome]) -> Vec<StagedRow<'s>> {
    let states = outcomes.iter().filter_map(|outcome| Some((outcome, outcome.state.as_ref()?)));
    let row = |(outcome, state): (&'s Outcome, &'s State)| StagedRow {
        subject: outcome.subject,
        event: state.as_event(),
        seen: outcome.seen,
    };
    let mut rows: Vec<StagedRow<'s>> = states.map(row).collect();
    rows.sort_unstable_by_key(|row| row.subject);
    rows
}

impl StagedRow<'_> {
    pub(super) fn put(&self, rows: &mut Rows) {
        rows.row(COUNT + 1);
        rows.event(self.event, self.subject, &okr::rank(self.event));
        rows.big(self.seen + 1);
    }
}
