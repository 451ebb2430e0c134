//! Ids that nobody knows, on a clock of the test's own.

use super::*;

const GRACE: Duration = Duration::from_secs(10);

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn an_id_that_was_never_missed_is_asked_for() {
    let mut unknown = Unknown::new(GRACE);
    assert_eq!(unknown.turn(1, Instant::now()), Turn::Ask);
    assert_eq!(unknown.turn(1, Instant::now()), Turn::Ask);
}

#[test]
fn during_the_grace_one_caller_asks_and_the_others_wait() {
    let start = Instant::now();
    let mut unknown = Unknown::new(GRACE);
    unknown.missed(1, start);
    assert_eq!(unknown.turn(1, start), Turn::Wait(seconds(0.5)));
    assert_eq!(unknown.turn(1, start + seconds(0.4)), Turn::Wait(seconds(0.1)));
    assert_eq!(unknown.turn(1, start + seconds(0.5)), Turn::Ask);
    assert_eq!(unknown.turn(1, start + seconds(0.5)), Turn::Wait(seconds(0.5)));
    assert_eq!(unknown.turn(2, start), Turn::Ask, "another id is another matter");
}

#[test]
fn after_the_grace_the_registry_is_still_asked_now_and_then() {
    let start = Instant::now();
    let mut unknown = Unknown::new(GRACE);
    unknown.missed(1, start);
    assert_eq!(unknown.turn(1, start + GRACE), Turn::Ask);
    unknown.missed(1, start + GRACE);
    assert_eq!(unknown.turn(1, start + GRACE), Turn::GiveUp);
    assert_eq!(unknown.turn(1, start + GRACE + seconds(0.5)), Turn::Ask);
}

#[test]
fn a_found_id_and_one_missed_long_ago_are_new_again() {
    let start = Instant::now();
    let mut unknown = Unknown::new(GRACE);
    unknown.missed(1, start);
    unknown.found(1);
    assert_eq!(unknown.turn(1, start), Turn::Ask);
    unknown.missed(2, start);
    let later = start + seconds(301.0);
    assert_eq!(unknown.turn(2, later), Turn::Ask);
    unknown.missed(2, later);
    assert_eq!(unknown.turn(2, later), Turn::Wait(seconds(0.5)));
}

#[test]
fn without_a_grace_nothing_is_waited_for() {
    let now = Instant::now();
    let mut unknown = Unknown::new(Duration::ZERO);
    unknown.missed(1, now);
    assert_eq!(unknown.turn(1, now), Turn::GiveUp);
}

#[test]
fn a_flood_of_unknown_ids_forgets_the_oldest() {
    let start = Instant::now();
    let mut unknown = Unknown::new(GRACE);
    for id in 0..2000 {
        unknown.missed(id, start + Duration::from_millis(id.into()));
    }
    assert_eq!(unknown.ids.len(), IDS_MAX);
    assert!(!unknown.ids.contains_key(&0) && unknown.ids.contains_key(&1999));
}
