//! The steps by which newer events bring subjects forward. Pure.
//!
//! A step is one event that is put onto the state of its subject, whose day then stands as the state does. An event
//! makes no difference of its own, and so no step, where a newer one of the same day says everything that it says. That
//! holds wherever it stands among the events that are known: what lies between the two is of that day as well.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use okr::{OkrEvent, Status};
use uuid::Uuid;

use crate::Entry;
use crate::entry::day;

/// Each subject's steps in their order, but of those that are left out.
pub(crate) fn steps<'b>(rows: &[&'b Entry], left_out: &HashSet<Uuid>) -> BTreeMap<Uuid, Vec<&'b Entry>> {
    let mut subjects: BTreeMap<Uuid, Vec<&'b Entry>> = BTreeMap::new();
    for entry in rows.iter().filter(|entry| !left_out.contains(&entry.subject)) {
        subjects.entry(entry.subject).or_default().push(entry);
    }
    for entries in subjects.values_mut().filter(|entries| entries.len() > 1) {
        // The newest first: each is held against the step after it.
        entries.sort_unstable_by_key(|entry| Reverse(entry.rank));
        entries.dedup_by(|older, newer| {
            day(older.ordered_at()) == day(newer.ordered_at()) && says_all_of(&newer.event, &older.event)
        });
        entries.reverse();
    }
    subjects
}

/// Whether the fold of both is the newer one alone.
fn says_all_of(newer: &OkrEvent, older: &OkrEvent) -> bool {
    fn part<T>(newer: &Option<T>, older: &Option<T>) -> bool {
        newer.is_some() || older.is_none()
    }
    fn whole<T: Default + PartialEq>(newer: &Option<T>, older: &Option<T>) -> bool {
        let says = |one: &Option<T>| one.as_ref().is_some_and(|one| *one != T::default());
        says(newer) || !says(older)
    }
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

    #[track_caller]
    fn check(events: &[OkrEvent], expected: &[usize]) {
        let entries: Vec<Entry> =
            events.iter().map(|event| Entry::at(event.clone(), slot(0), 0).unwrap()).collect();
        let rows: Vec<&Entry> = entries.iter().rev().collect();
        let steps = steps(&rows, &HashSet::new()).into_values().next().unwrap();
        let expected: Vec<_> = expected.iter().map(|at| events[*at].event_id.0).collect();
        assert_eq!(steps.iter().map(|step| step.id()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_newest_of_a_day_is_a_step_and_what_it_does_not_say() {
        let noon = |n| at("kr", n, i64::from(n), 0.1);
        let title = OkrEvent { team: Some("red".to_owned()), ..bare("kr", 2, 2) };
        let next_day = |n| at("kr", n, 24 * 60 + i64::from(n), 0.2);
        check(&[noon(1)], &[0]);
        check(&[noon(1), noon(2), noon(3)], &[2]);
        check(&[noon(1), title.clone(), noon(3)], &[0, 1, 2]);
        check(&[title.clone(), noon(3)], &[0, 1]);
        check(&[noon(1), title.clone()], &[0, 1]);
        check(&[bare("kr", 1, 1), title], &[1]);
        check(&[noon(1), noon(2), next_day(3), next_day(4)], &[1, 3]);
    }
}
