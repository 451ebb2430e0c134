//! What became of letters, by the audit.

use std::collections::BTreeMap;

use wire::{Audit, Stage, Verb};

use super::*;
use crate::ops::{
    dead::{
        filter::Filter,
        marks::{Marks, State, details},
    },
    pile::Ends,
};

fn ends(ends: &[(i32, i64)]) -> Ends {
    Ends(ends.iter().copied().collect())
}

/// An entry of the run at that second.
fn entry(second: i64, run: &str, verb: Verb, stage: Stage) -> Audit {
    entry_of(second, (run, verb, stage), &Filter::default(), &ends(&[(0, 10)]))
}

fn entry_of(second: i64, (run, verb, stage): (&str, Verb, Stage), filter: &Filter, ends: &Ends) -> Audit {
    Audit {
        audit_id: String::new(),
        run: run.to_owned(),
        at: jiff::Timestamp::from_second(second).expect("a time"),
        who: "ada".to_owned(),
        verb,
        stage,
        object: "okr.dead.notifier".to_owned(),
        why: "mended".to_owned(),
        counts: BTreeMap::new(),
        details: details(filter, ends),
    }
}

#[test]
fn ends_come_back_as_they_were_said() {
    let frozen = ends(&[(0, 10), (3, 0)]);
    assert_eq!(frozen.said(), "0:10 3:0");
    assert_eq!(Ends::parse(&frozen.said()), Some(frozen));
    assert_eq!(Ends::parse(""), Some(Ends::default()));
    assert_eq!(Ends::parse("0:x"), None);
}

#[test]
fn a_letter_is_redriven_once_its_run_is_finished_and_only_before_its_end() {
    let begun = entry(1, "a", Verb::Redrive, Stage::Begun);
    let marks = Marks::of(vec![begun.clone()]);
    assert_eq!(marks.state(&refused(0, 9)), State::Open);
    assert_eq!(marks.unfinished().count(), 1);
    // Entries may come in any order.
    let marks = Marks::of(vec![entry(2, "a", Verb::Redrive, Stage::Finished), begun]);
    assert_eq!(marks.state(&refused(0, 9)), State::Redriven("a"));
    assert_eq!(marks.state(&refused(0, 10)), State::Open, "it came after the run began");
    assert_eq!(marks.state(&refused(1, 0)), State::Open, "its partition is newer than the run");
    assert_eq!(marks.unfinished().count(), 0);
}

#[test]
fn only_what_the_filter_meant_is_marked() {
    let filter = Filter { target: Some("sales-slack".to_owned()), ..Filter::default() };
    let run = ("a", Verb::Drop, Stage::Finished);
    let marks = Marks::of(vec![entry_of(1, run, &filter, &ends(&[(0, 10)]))]);
    assert_eq!(marks.state(&refused(0, 1)), State::Dropped("a"));
    assert_eq!(marks.state(&poison(0, 1)), State::Open);
}

#[test]
fn a_dropped_letter_is_meant_only_on_demand_and_a_redriven_one_unless_open_ones_are_asked_for() {
    let dropped = Marks::of(vec![entry(1, "a", Verb::Drop, Stage::Finished)]);
    let redriven = Marks::of(vec![entry(1, "a", Verb::Redrive, Stage::Finished)]);
    let also_dropped = Filter { dropped: true, ..Filter::default() };
    let only_open = Filter { open: true, ..Filter::default() };
    assert!(!dropped.means(&Filter::default(), &refused(0, 1)));
    assert!(dropped.means(&also_dropped, &refused(0, 1)));
    assert!(redriven.means(&Filter::default(), &refused(0, 1)));
    assert!(!redriven.means(&only_open, &refused(0, 1)));
    assert!(redriven.means(&only_open, &refused(0, 10)));
}

#[test]
fn a_later_redrive_that_leaves_dropped_letters_out_does_not_bring_them_back() {
    let entries = [entry(1, "a", Verb::Drop, Stage::Finished), entry(2, "b", Verb::Redrive, Stage::Finished)];
    assert_eq!(Marks::of(entries.to_vec()).state(&refused(0, 1)), State::Dropped("a"));
    let run = ("c", Verb::Redrive, Stage::Finished);
    let brought = entry_of(3, run, &Filter { dropped: true, ..Filter::default() }, &ends(&[(0, 10)]));
    let entries = [entries.to_vec(), vec![brought]].concat();
    assert_eq!(Marks::of(entries).state(&refused(0, 1)), State::Redriven("c"));
}

#[test]
fn the_same_words_after_a_run_that_was_cut_off_mean_that_run_and_after_a_finished_one_a_new_one() {
    let filter = Filter { target: Some("sales-slack".to_owned()), ..Filter::default() };
    let begun = entry_of(1, ("a", Verb::Redrive, Stage::Begun), &filter, &ends(&[(0, 10)]));
    let marks = Marks::of(vec![begun.clone()]);
    assert_eq!(marks.cut_off("okr.dead.notifier", &filter).map(|run| run.id.as_str()), Some("a"));
    assert_eq!(marks.cut_off("okr.dead.notifier", &Filter::default()), None);
    assert_eq!(marks.cut_off("okr.dead.gateway", &filter), None);
    let finished = entry_of(2, ("a", Verb::Redrive, Stage::Finished), &filter, &ends(&[(0, 10)]));
    assert_eq!(Marks::of(vec![begun, finished]).cut_off("okr.dead.notifier", &filter), None);
}

#[test]
fn a_run_that_goes_on_means_what_it_meant_when_it_began() {
    let filter = Filter { open: true, ..Filter::default() };
    let begun = entry_of(1, ("a", Verb::Redrive, Stage::Begun), &filter, &ends(&[(0, 10)]));
    let since = entry(2, "b", Verb::Redrive, Stage::Finished);
    let marks = Marks::of(vec![begun, since]);
    let run = marks.redrive("a").expect("it is known");
    assert!(!marks.means(&filter, &refused(0, 1)), "for a new run it is not open any more");
    assert!(marks.belongs(run, &refused(0, 1)), "the run that was cut off had it");
    assert!(!marks.belongs(run, &refused(0, 10)), "this one came later");
}

#[test]
fn entries_about_other_things_and_strange_ones_are_left_out() {
    let mut strange = entry(1, "a", Verb::Redrive, Stage::Finished);
    strange.details.insert("ends".to_owned(), "all of it".to_owned());
    let entries = vec![strange, entry(2, "b", Verb::Resume, Stage::Finished)];
    assert_eq!(Marks::of(entries), Marks::default());
}
