//! The steps by which newer events bring subjects forward. Pure.
//!
//! A step is one event that is put onto the state of its subject, whose day then stands as the state does. An event
//! makes no difference of its own, and so no step, where a newer one of the same day says everything that it says. That
//! holds wherever it stands among the events that are known: what lies between the two is of that day as well.
//!
//! One of an earlier day is only put onto that day, where the step after it leaves nothing of it in the state, and says
//! no more of a day: what the two do not say is after the step as it was before it. That holds where both are newer than
//! all that is known.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::mem::take;

use okr::{OkrEvent, Status};
use uuid::Uuid;

use crate::Entry;
use crate::entry::day;

/// What is put onto the state of a subject, and onto days of it.
#[derive(Debug, Clone)]
pub(crate) struct Step<'b> {
    /// Put onto the state, and so onto its own day.
    pub(crate) last: &'b Entry,
    /// Put onto their own days alone, in their order: all are older, and each is of another day.
    pub(crate) earlier: Vec<&'b Entry>,
}

impl<'b> Step<'b> {
    /// The oldest of them.
    pub(crate) fn first(&self) -> &'b Entry {
        self.earlier.first().copied().unwrap_or(self.last)
    }

    /// All of them, in their order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'b Entry> {
        self.earlier.iter().copied().chain([self.last])
    }
}

/// Each subject's steps in their order, but of those that are left out.
pub(crate) fn steps<'b>(rows: &[&'b Entry], left_out: &HashSet<Uuid>) -> BTreeMap<Uuid, Vec<Step<'b>>> {
    let mut subjects: BTreeMap<Uuid, Vec<&'b Entry>> = BTreeMap::new();
    for entry in rows.iter().filter(|entry| !left_out.contains(&entry.subject)) {
        subjects.entry(entry.subject).or_default().push(entry);
    }
    subjects.into_iter().map(|(subject, entries)| (subject, of_one(entries))).collect()
}

fn of_one(mut entries: Vec<&Entry>) -> Vec<Step<'_>> {
    if entries.len() > 1 {
        // The newest first: each is held against the step after it.
        entries.sort_unstable_by_key(|entry| Reverse(entry.rank));
        entries.dedup_by(|older, newer| {
            day(older.ordered_at()) == day(newer.ordered_at()) && says_all_of(&newer.event, &older.event)
        });
        entries.reverse();
    }
    let (mut steps, mut earlier) = (Vec::new(), Vec::new());
    for (at, entry) in entries.iter().enumerate() {
        match entries.get(at + 1) {
            Some(next) if leaves_nothing_of(&next.event, &entry.event) => earlier.push(*entry),
            _ => steps.push(Step { last: entry, earlier: take(&mut earlier) }),
        }
    }
    steps
}

/// Whether the state after both is that after the newer one alone, and the day of the older one can still be told from it.
fn leaves_nothing_of(newer: &OkrEvent, older: &OkrEvent) -> bool {
    says_all_of(newer, older) && says_as_much_of_a_day(older, newer)
}

/// Whether one says everything that the other says of how a day ends.
fn says_as_much_of_a_day(one: &OkrEvent, other: &OkrEvent) -> bool {
    part(&one.department, &other.department)
        && part(&one.team, &other.team)
        && part(&one.progress, &other.progress)
        && part(&one.confidence, &other.confidence)
        && whole(&one.cycle, &other.cycle)
        && whole(&one.metric, &other.metric)
        && (one.status != Status::Unknown || other.status == Status::Unknown)
}

/// Whether the fold of both is the newer one alone.
fn says_all_of(newer: &OkrEvent, older: &OkrEvent) -> bool {
    part(&newer.subject.parent_id, &older.subject.parent_id)
        && part(&newer.subject.title, &older.subject.title)
        && part(&newer.subject.url, &older.subject.url)
        && part(&newer.department, &older.department)
        && part(&newer.team, &older.team)
        && part(&newer.progress, &older.progress)
        && part(&newer.confidence, &older.confidence)
        && whole(&newer.owner, &older.owner)
        && whole(&newer.manager, &older.manager)
        && whole(&newer.cycle, &older.cycle)
        && whole(&newer.metric, &older.metric)
        && (newer.status != Status::Unknown || older.status == Status::Unknown)
}

/// Whether the newer one says this, or the older one does not.
fn part<T>(newer: &Option<T>, older: &Option<T>) -> bool {
    newer.is_some() || older.is_none()
}

fn whole<T: Default + PartialEq>(newer: &Option<T>, older: &Option<T>) -> bool {
    let says = |one: &Option<T>| one.as_ref().is_some_and(|one| *one != T::default());
    says(newer) || !says(older)
}

#[cfg(test)]
mod tests {
    use okr::{fold, rank};

    use super::*;
    use crate::tests::bench::slot;
    use crate::tests::history::{at, bare};
    use crate::tests::suite::exact::some;

    #[test]
    fn an_event_is_passed_over_exactly_where_the_fold_does_not_need_it() {
        let mut compared = [0, 0];
        for history in some(60) {
            let events: Vec<_> = history.all().into_iter().filter(|event| event.revision == 0).collect();
            for older in &events {
                for newer in events.iter().filter(|newer| rank(newer) > rank(older)) {
                    let newer = OkrEvent { subject: newer.subject.clone(), ..newer.clone() };
                    let is_needed = fold([older, &newer]) != fold([&newer]);
                    if older.subject.id == newer.subject.id && older.event_id != newer.event_id {
                        assert_eq!(says_all_of(&newer, older), !is_needed, "{older:#?}\n{newer:#?}");
                        compared[usize::from(is_needed)] += 1;
                    }
                }
            }
        }
        assert!(compared.iter().all(|count| *count > 20), "{compared:?}");
    }

    /// The numbers of the events of each step; the last one is put onto the state.
    #[track_caller]
    fn check(events: &[OkrEvent], expected: &[&[usize]]) {
        let entries: Vec<Entry> =
            events.iter().map(|event| Entry::at(event.clone(), slot(0), 0).unwrap()).collect();
        let rows: Vec<&Entry> = entries.iter().rev().collect();
        let steps = steps(&rows, &HashSet::new()).into_values().next().unwrap();
        let number = |entry: &Entry| events.iter().position(|event| event.event_id.0 == entry.id()).unwrap();
        let found: Vec<Vec<usize>> = steps.iter().map(|step| step.all().map(number).collect()).collect();
        assert_eq!(found, expected);
        assert!(steps.iter().all(|step| number(step.first()) == number(step.all().next().unwrap())));
    }

    fn noon(n: u32) -> OkrEvent {
        at("kr", n, i64::from(n), 0.1)
    }

    fn next_day(n: u32) -> OkrEvent {
        at("kr", n, 24 * 60 + i64::from(n), 0.2)
    }

    #[test]
    fn the_newest_of_a_day_is_a_step_and_what_it_does_not_say() {
        let title = OkrEvent { team: Some("red".to_owned()), ..bare("kr", 2, 2) };
        check(&[noon(1)], &[&[0]]);
        check(&[noon(1), noon(2), noon(3)], &[&[2]]);
        check(&[noon(1), title.clone(), noon(3)], &[&[0], &[1], &[2]]);
        check(&[title.clone(), noon(3)], &[&[0], &[1]]);
        check(&[noon(1), title.clone()], &[&[0], &[1]]);
        check(&[bare("kr", 1, 1), title], &[&[1]]);
    }

    #[test]
    fn an_earlier_day_is_no_step_of_its_own_where_a_later_one_leaves_nothing_of_it() {
        check(&[noon(1), noon(2), next_day(3), next_day(4)], &[&[1, 3]]);
        let third_day = at("kr", 5, 49 * 60, 0.3);
        check(&[noon(1), next_day(3), third_day.clone()], &[&[0, 1, 2]]);
        // What the later ones say of a day as well was there before the step: the state does not tell it any more.
        let more = OkrEvent { team: Some("red".to_owned()), ..next_day(3) };
        check(&[noon(1), more.clone()], &[&[0], &[1]]);
        check(&[noon(1), more.clone(), third_day.clone()], &[&[0], &[1], &[2]]);
        let more_of_all = OkrEvent { team: Some("blue".to_owned()), ..third_day };
        check(&[noon(1), more, more_of_all], &[&[0], &[1, 2]]);
        // Not of a day, so no day needs it.
        let titled = OkrEvent { actor: Some("ada".to_owned()), ..next_day(3) };
        check(&[noon(1), titled], &[&[0, 1]]);
    }
}
