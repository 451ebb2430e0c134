//! Members that work in batches, step by step, and through random schedules over a store that may not answer, a broker
//! that forgets, and processes that come back too late.

mod world;

use bus::{Gate, Headers};
use bytes::Bytes;

use super::*;
use crate::RetryConfig;
use crate::progress::Fingerprint;
use world::{Bug, search};

const SECOND: Duration = Duration::from_secs(1);

fn rules() -> BatchRules {
    BatchRules {
        records_max: 8,
        backoff: RetryConfig::default().into(),
        drain_grace: SECOND * 10,
        fuse: FuseConfig { in_a_row: u32::MAX, percent: 100 },
    }
}

fn slot(partition: i32) -> Slot {
    Slot::new("okr.events", partition)
}

fn record(partition: i32, offset: i64, content: u64) -> InRecord {
    InRecord {
        slot: slot(partition),
        offset,
        timestamp_ms: None,
        key: None,
        value: Some(Bytes::from(content.to_string())),
        headers: Headers::default(),
    }
}

fn standing(epoch: i64, next: i64, last: Option<Last>) -> Standing {
    Standing { slot: slot(0), epoch, next, last }
}

fn batches() -> Batches {
    Batches::new(rules(), Arc::new(Budget::new(100, 1 << 20)), 7, &[])
}

/// What happens to a member whose last record was offset 4 when `record` comes.
#[track_caller]
fn check(came: InRecord, torn: bool, expected: Result<usize, &str>) {
    let mut batches = batches();
    batches.assigned(vec![standing(1, 5, Some(Last::of(&record(0, 4, 4))))]);
    if torn {
        batches.torn(&slot(0));
    }
    batches.record(came);
    match expected {
        Ok(records) => {
            assert_eq!(batches.halted(), None);
            assert_eq!(batches.cut(SECOND).map_or(0, |cut| cut.len()), records);
        }
        Err(why) => assert!(batches.halted().is_some_and(|halted| halted.contains(why)), "{batches:?}"),
    }
}

#[test]
fn the_last_record_is_known_again_and_not_taken_twice() {
    check(record(0, 4, 4), false, Ok(0));
}

#[test]
fn a_topic_that_was_made_anew_halts() {
    check(record(0, 4, 999), false, Err("the last record is not the one that was read"));
    check(record(0, 0, 0), false, Err("made anew"));
    check(record(0, 0, 0), true, Err("made anew"));
}

#[test]
fn records_that_expired_unread_halt_and_the_last_one_alone_does_not() {
    check(record(0, 9, 9), true, Err("the records from 5 on are gone"));
    check(record(0, 5, 5), true, Ok(1));
}

#[test]
fn a_slot_that_nobody_has_read_begins_wherever_the_topic_does() {
    let mut batches = batches();
    batches.assigned(vec![standing(1, 0, None)]);
    batches.torn(&slot(0));
    batches.record(record(0, 700, 1));
    assert_eq!(batches.cut(SECOND).map(|cut| cut.len()), Some(1));
}

#[test]
fn a_gap_that_opens_while_it_reads_halts() {
    let mut batches = batches();
    batches.assigned(vec![standing(1, 0, None)]);
    batches.record(record(0, 0, 0));
    let cut = batches.cut(SECOND).unwrap();
    batches.settle(cut, &[Fate::Done], SECOND);
    batches.torn(&slot(0));
    batches.record(record(0, 8, 8));
    assert!(batches.halted().is_some_and(|why| why.contains("gone")));
}

#[test]
fn one_bad_record_is_found_among_many_and_alone_dead_lettered() {
    let mut batches = batches();
    batches.assigned(vec![standing(1, 0, None)]);
    (0..8).for_each(|offset| batches.record(record(0, offset, 0)));
    let mut contained = Vec::new();
    let mut now = SECOND;
    while contained.len() < 8 {
        now += SECOND;
        let cut = batches.cut(now).expect("something is left");
        let share = &cut.shares[0];
        let bad = share.records.iter().any(|record| record.offset == 5 && !share.condemned.contains_key(&5));
        match (bad, cut.len()) {
            (true, 1) => {
                let verdict = Verdict { reason: "shape", error: "not ours".to_owned() };
                batches.condemn(cut, (&slot(0), 5), verdict).unwrap();
            }
            (true, _) => batches.too_many(cut),
            (false, _) => {
                contained.extend(share.records.iter().map(|record| record.offset));
                batches.settle(cut, &[Fate::Done], now);
            }
        }
    }
    assert_eq!(contained, (0..8).collect::<Vec<_>>());
}

#[test]
fn a_fingerprint_tells_every_part_of_a_record() {
    let plain = record(0, 1, 2);
    let known = Fingerprint::of(&plain);
    assert_eq!(known, Fingerprint::of(&plain.clone()));
    let others = [
        record(1, 1, 2),
        record(0, 2, 2),
        record(0, 1, 3),
        InRecord { key: Some(Bytes::new()), ..plain.clone() },
        InRecord { value: None, ..plain.clone() },
        InRecord { timestamp_ms: Some(1), ..plain },
    ];
    others.iter().for_each(|other| assert_ne!(Fingerprint::of(other), known, "{other:?}"));
}

#[test]
fn each_record_is_contained_exactly_once_in_every_schedule() {
    if let Some((seed, why)) = search(4_000, None) {
        panic!("seed {seed}: {why}");
    }
}

#[test]
fn a_store_that_does_not_look_at_epochs_is_caught() {
    assert!(search(2_000, Some(Bug::NoEpoch)).is_some());
}

#[test]
fn an_unknown_commit_that_is_taken_for_failed_is_caught() {
    assert!(search(2_000, Some(Bug::UnknownIsFailure)).is_some());
}

#[test]
fn offsets_committed_apart_from_their_rows_are_caught() {
    assert!(search(2_000, Some(Bug::MarksApart)).is_some());
}

#[test]
fn a_member_that_ignores_the_fingerprint_is_caught() {
    assert!(search(2_000, Some(Bug::Blind)).is_some());
}

#[test]
fn a_loser_that_gives_up_without_a_higher_epoch_is_caught() {
    assert!(search(2_000, Some(Bug::GiveUp)).is_some());
}
