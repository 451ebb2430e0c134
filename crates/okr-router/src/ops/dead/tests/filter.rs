//! Which letters are meant.

use jiff::Timestamp;

use super::*;
use crate::ops::dead::{filter::Filter, letter::Position};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn read(which: &Which) -> Filter {
    Filter::read(which, at("2026-11-23T12:10:00Z")).expect("a filter")
}

#[track_caller]
fn check(change: impl Fn(&mut Which), meant: bool) {
    let mut which = which();
    change(&mut which);
    assert_eq!(read(&which).matches(&refused(3, 17)), meant, "{which:?}");
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_letter_says_where_it_died_for_whom_and_why() {
    let letter = refused(3, 17);
    assert_eq!(letter.position.to_string(), "okr.dead.notifier/3@17");
    assert_eq!((letter.service.as_str(), letter.target.as_deref()), ("notifier", Some("sales-slack")));
    assert_eq!((letter.reason.as_str(), letter.error.as_str()), ("no_service", "404 no_service"));
    assert_eq!((letter.attempts, letter.at), (Some(1), Some(at(NOON))));
    assert_eq!(letter.original.map(|original| original.to_string()).as_deref(), Some("okr.events/4@99"));
}

#[test]
fn a_letter_without_headers_is_of_its_topics_service_and_of_its_own_time() {
    let letter = Letter::of(&record(0, 0, &[]));
    assert_eq!((letter.service.as_str(), letter.reason.as_str()), ("notifier", "unknown"));
    assert_eq!((letter.target, letter.at), (None, Some(Timestamp::UNIX_EPOCH)));
}

#[test]
fn a_letter_and_what_a_run_makes_of_it_are_the_same_errand() {
    let headers = [
        ("okr-original-topic", "okr.events"),
        ("okr-original-partition", "4"),
        ("okr-original-offset", "99"),
        ("okr-dead-target", "sales-slack"),
        ("okr-dead-reason", "gone"),
    ];
    let dead = record(3, 17, &headers);
    let put = bus::replay::of_letter(&dead, "notifier", "run-1", 6);
    let replayed = InRecord { headers: put.headers, ..record(0, 0, &[]) };
    let (letter, again) = (Letter::of(&dead), Letter::of(&replayed));
    assert_eq!(again.replay_id.as_deref(), Some("run-1"));
    assert!(letter.errand().is_some());
    assert_eq!(letter.errand(), again.errand());
    assert_ne!(
        letter.errand(),
        poison(3, 17).errand(),
        "one that does not say where it lay is nobody's twin"
    );
}

#[test]
fn everything_that_is_given_must_hold() {
    check(|_| {}, true);
    check(|which| which.service = some("notifier"), true);
    check(|which| which.service = some("gateway"), false);
    check(|which| which.target = some("sales-slack"), true);
    check(|which| which.target = some("sales"), false);
    check(|which| which.target = some("-"), false);
    check(|which| which.reason = some("no_service"), true);
    check(|which| which.reason = some("frame"), false);
    check(|which| which.department = some("sales"), true);
    check(|which| which.department = some("-"), false);
    check(|which| which.letter = some("okr.dead.notifier/3@17"), true);
    check(|which| which.letter = some("okr.dead.notifier/3@18"), false);
    check(|which| (which.target, which.reason) = (some("sales-slack"), some("frame")), false);
}

#[test]
fn since_is_inclusive_until_is_not_and_both_may_be_some_time_ago() {
    check(|which| which.since = some(NOON), true);
    check(|which| which.since = some("2026-11-23T12:00:00.001Z"), false);
    check(|which| which.until = some(NOON), false);
    check(|which| which.until = some("2026-11-23T12:00:00.001Z"), true);
    check(|which| which.since = some("-10m"), true);
    check(|which| which.since = some("-9m"), false);
}

#[test]
fn a_dash_means_the_letters_that_have_none() {
    let mut which = which();
    (which.target, which.department) = (some("-"), some("-"));
    assert!(read(&which).matches(&poison(0, 0)));
}

#[test]
fn a_filter_comes_back_from_the_audit_with_its_moments_as_they_were() {
    let mut which = which();
    (which.target, which.since, which.open) = (some("sales-slack"), some("-10m"), true);
    let filter = read(&which);
    assert_eq!(Filter::of_details(&filter.details()), Some(filter.clone()));
    let later = Filter::read(&which, at("2026-11-23T13:00:00Z")).expect("a filter");
    assert_eq!(later.said(), filter.said(), "the same words mean the same filter");
    assert_ne!(later, filter);
}

#[test]
fn what_cannot_be_read_is_refused_with_an_example() {
    for text in ["okr.dead.notifier", "okr.dead.notifier/x@1", "okr.dead.notifier/1@-1", "/1@1"] {
        assert!(text.parse::<Position>().is_err(), "{text}");
    }
    let wrong = Which { since: some("yesterday"), ..which() };
    let error = Filter::read(&wrong, at(NOON)).expect_err("no time");
    assert!(format!("{error:#}").contains("--since: \"yesterday\" is no time such as 2026-"), "{error:#}");
}
