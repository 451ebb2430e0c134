//! States on their way into their table.

use std::collections::{BTreeMap, HashMap, VecDeque};

use okr::{OkrEvent, State};
use uuid::Uuid;

use super::columns::{COUNT, Rows};
use crate::subjects::{Outcome, Reach, Seen, is_of_one_day};

/// How many subjects are read again at a time, so that their histories do not fill the memory.
const REREAD_MAX: usize = 128;

/// What newer events of one day say of a subject. The database puts it onto the state that it has, so that state need
/// not be read; that is how nearly all events come.
#[derive(Debug)]
pub(super) struct Part<'b> {
    subject: Uuid,
    says: Says<'b>,
    seen: i64,
}

/// One event says what it says; several are folded.
#[derive(Debug)]
enum Says<'b> {
    Event(&'b OkrEvent),
    State(Box<State>),
}

/// Subjects that are merged at once.
#[derive(Debug, Default)]
pub(super) struct Slice<'b> {
    pub(super) parts: Vec<Part<'b>>,
    /// Those of which more has to be read.
    pub(super) others: Vec<(Uuid, Reach<'b>)>,
}

/// All subjects, in their order.
pub(super) fn slices<'b>(
    reaches: BTreeMap<Uuid, Reach<'b>>,
    seen: &HashMap<Uuid, Seen>,
) -> VecDeque<Slice<'b>> {
    let (mut slices, mut slice) = (VecDeque::new(), Slice::default());
    for (subject, reach) in reaches {
        match says(&reach) {
            Some(says) => {
                let seen = seen.get(&subject).map_or(0, |seen| seen.version);
                slice.parts.push(Part { subject, says, seen });
            }
            None => slice.others.push((subject, reach)),
        }
        if slice.others.len() == REREAD_MAX {
            slices.push_back(std::mem::take(&mut slice));
        }
    }
    if !slice.parts.is_empty() || !slice.others.is_empty() {
        slices.push_back(slice);
    }
    slices
}

fn says<'b>(reach: &Reach<'b>) -> Option<Says<'b>> {
    match reach {
        Reach::Newer(events) => match events.as_slice() {
            [event] => Some(Says::Event(event)),
            events if is_of_one_day(events) => {
                okr::fold(events.iter().copied()).map(|state| Says::State(Box::new(state)))
            }
            _ => None,
        },
        Reach::Since(_) | Reach::Whole => None,
    }
}

/// What is merged at once.
#[derive(Debug)]
pub(super) struct Staged<'s> {
    pub(super) parts: &'s [Part<'s>],
    pub(super) outcomes: &'s [Outcome],
    /// Nothing more is staged in this transaction.
    pub(super) is_last: bool,
}

/// A row of the staging table.
#[derive(Debug)]
pub(super) struct StagedRow<'s> {
    subject: Uuid,
    event: &'s OkrEvent,
    /// The version that is there; 0 for none.
    seen: i64,
}

impl Staged<'_> {
    /// In the order of the subjects.
    pub(super) fn rows(&self) -> Vec<StagedRow<'_>> {
        let parts = self.parts.iter().map(|part| {
            let event = match &part.says {
                Says::Event(event) => event,
                Says::State(state) => state.as_event(),
            };
            (part.subject, event, part.seen)
        });
        let outcomes = self.outcomes.iter();
        let states = outcomes.filter_map(|it| Some((it.subject, it.state.as_ref()?.as_event(), it.seen)));
        let rows = parts.chain(states).map(|(subject, event, seen)| StagedRow { subject, event, seen });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by_key(|row| row.subject);
        rows
    }
}

impl StagedRow<'_> {
    pub(super) fn put(&self, rows: &mut Rows) {
        rows.row(COUNT + 1);
        rows.event(self.event, self.subject, &okr::rank(self.event));
        rows.big(self.seen + 1);
    }
}
