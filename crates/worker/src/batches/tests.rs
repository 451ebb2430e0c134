//! Members that work in batches, step by step, and through random schedules over a store that may not answer, a broker
//! that forgets, and processes that come back too late.

mod relay;
mod several;
mod world;

use bus::{Gate, Headers};
use bytes::Bytes;

use super::*;
use crate::RetryConfig;
use crate::job::Verdict;
use crate::progress::Fingerprint;
use world::{Bug, search};

const SECOND: Duration = Duration::from_secs(1);

fn rules() -> BatchRules {
    BatchRules {
        writers: 1,
        records_max: 8,
        bytes_max: 1 << 20,
        linger: Duration::ZERO,
        survey: Duration::ZERO,
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
    batches.gaps(SECOND);
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
    batches.gaps(SECOND);
    assert!(batches.halted().is_some_and(|why| why.contains("gone")));
}

#[test]
fn records_in_hand_do_not_hide_the_gap_behind_them() {
    let mut batches = batches();
    batches.assigned(vec![standing(1, 0, None)]);
    batches.record(record(0, 0, 0));
    let cut = batches.cut(SECOND).unwrap();
    batches.settle(cut, &[Fate::Done], SECOND);
    batches.torn(&slot(0));
    // Fetched before the position was out of range.
    batches.record(record(0, 1, 1));
    batches.record(record(0, 8, 8));
    let cut = batches.cut(SECOND).expect("what was fetched is good");
    batches.settle(cut, &[Fate::Done], SECOND);
    batches.gaps(SECOND);
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
                batches.condemn(cut, vec![(slot(0), 5, verdict)]);
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
fn a_slot_that_is_in_two_batches_at_a_time_is_caught() {
    assert!(search(2_000, Some(Bug::Flawed(Flaw::CutsTwice))).is_some());
}

#[test]
fn slots_that_are_free_before_their_own_batch_is_home_are_caught() {
    assert!(search(2_000, Some(Bug::Flawed(Flaw::FreesAll))).is_some());
}

#[test]
fn an_answer_that_is_taken_for_that_of_another_batch_is_caught() {
    assert!(search(2_000, Some(Bug::Mistaken)).is_some());
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
    assert!(search(2_000, Some(Bug::Flawed(Flaw::Blind))).is_some());
}

#[test]
fn neighbours_that_are_condemned_for_one_record_are_caught() {
    assert!(search(2_000, Some(Bug::CondemnAll)).is_some());
}

#[test]
fn a_refused_batch_that_is_never_made_smaller_is_caught() {
    assert!(search(2_000, Some(Bug::RefusedIsFailure)).is_some());
}

#[test]
fn a_store_that_answers_beside_a_commit_under_way_is_caught() {
    assert!(search(2_000, Some(Bug::LooksPast)).is_some());
}

#[test]
fn a_loser_that_gives_up_without_a_higher_epoch_is_caught() {
    assert!(search(2_000, Some(Bug::GiveUp)).is_some());
}

/// Fills the queues of the first partitions as the consumer does.
fn waiting<const PARTITIONS: usize>(rules: BatchRules, records: [i64; PARTITIONS]) -> Batches {
    let budget = Arc::new(Budget::new(100, 1 << 20));
    let mut batches = Batches::new(rules, Arc::clone(&budget), 7, &[]);
    for (partition, records) in (0..).zip(records) {
        batches.assigned(vec![Standing { slot: slot(partition), epoch: 1, next: 0, last: None }]);
        for offset in 0..records {
            let record = record(partition, offset, 7);
            budget.admit(1, record.size());
            batches.record(record);
        }
    }
    batches
}

/// The partitions of the next batch with their records.
fn next(batches: &mut Batches, now: Duration) -> Option<Vec<(i32, usize)>> {
    let cut = batches.cut(now)?;
    let of = |share: &Share| (share.slot.partition, share.records.len());
    let shares = cut.shares.iter().map(of).collect();
    let fates = vec![Fate::Done; cut.shares.len()];
    batches.settle(cut, &fates, now);
    Some(shares)
}

#[test]
fn a_batch_that_is_not_full_waits_a_little() {
    let mut batches = waiting(BatchRules { linger: SECOND, ..rules() }, [3, 0]);
    assert_eq!(next(&mut batches, SECOND), None);
    assert_eq!(batches.wake_at(SECOND), Some(SECOND * 2));
    assert_eq!(next(&mut batches, SECOND * 2), Some(vec![(0, 3)]));
    assert_eq!(batches.wake_at(SECOND * 2), None);
    let mut full = waiting(BatchRules { linger: SECOND, ..rules() }, [5, 3]);
    assert_eq!(next(&mut full, SECOND).map(|shares| shares.len()), Some(2), "eight are enough");
}

#[test]
fn a_batch_is_bounded_in_records_and_in_bytes_and_a_larger_record_goes_alone() {
    let size = record(0, 0, 7).size();
    let sizes = |rules: BatchRules| {
        let mut batches = waiting(rules, [10, 0]);
        std::iter::from_fn(|| next(&mut batches, SECOND)).map(|shares| shares[0].1).collect::<Vec<_>>()
    };
    assert_eq!(sizes(rules()), [8, 2]);
    assert_eq!(sizes(BatchRules { bytes_max: 3 * size, ..rules() }), [3, 3, 3, 1]);
    assert_eq!(sizes(BatchRules { bytes_max: 1, ..rules() }), [1; 10]);
}

/// The sizes of the batches until all records are contained, by a store that `takes` a batch of this size at this time.
fn sizes(records: i64, mut takes: impl FnMut(usize, usize) -> bool) -> Vec<usize> {
    let (mut batches, mut now, mut sizes) = (waiting(rules(), [records, 0]), SECOND, Vec::new());
    while let Some(cut) = batches.cut(now) {
        sizes.push(cut.len());
        let fate = if takes(cut.len(), sizes.len()) { Fate::Done } else { Fate::Again };
        let fates = vec![fate; cut.shares.len()];
        batches.settle(cut, &fates, now);
        now += SECOND * 600;
    }
    sizes
}

#[test]
fn a_batch_that_did_not_happen_is_tried_again_with_fewer_records() {
    // Three at a time are what the store can do.
    assert_eq!(sizes(20, |records, _| records <= 3), [8, 4, 2, 3, 4, 2, 3, 4, 2, 3, 4, 2, 3]);
    // It was away for a moment.
    assert_eq!(sizes(38, |_, batch| batch > 1), [8, 4, 5, 6, 7, 8, 8]);
}

#[test]
fn a_busy_slot_does_not_keep_the_others_out() {
    let mut batches = waiting(rules(), [40, 40]);
    let firsts: Vec<i32> = (0..4).map(|_| next(&mut batches, SECOND).unwrap()[0].0).collect();
    assert_eq!(firsts, [0, 1, 0, 1]);
}

/// Whether it halts when these of twelve records cannot be read, and a row of three is borne.
#[track_caller]
fn check_fuse(bad: &[i64], halts: bool) {
    let fuse = FuseConfig { in_a_row: 3, percent: 100 };
    let mut batches = waiting(BatchRules { records_max: 12, fuse, ..rules() }, [12, 0]);
    let cut = batches.cut(SECOND).unwrap();
    let verdict = Verdict { reason: "avro", error: "not ours".to_owned() };
    batches.condemn(cut, bad.iter().map(|offset| (slot(0), *offset, verdict.clone())).collect());
    assert_eq!(batches.halted().is_some(), halts, "{bad:?}: {:?}", batches.halted());
    assert_eq!(next(&mut batches, SECOND).is_some(), !halts, "{bad:?}");
}

#[test]
fn the_fuse_counts_in_the_order_of_the_records_and_before_any_is_dead_lettered() {
    check_fuse(&[0, 2, 4, 6, 8, 10], false);
    check_fuse(&[5, 6, 7], false);
    check_fuse(&[5, 6, 7, 8], true);
}

#[test]
fn what_came_before_a_gap_is_contained_first_and_gaps_of_all_slots_are_told() {
    let mut batches = waiting(BatchRules { survey: SECOND, ..rules() }, [3, 0]);
    batches.assigned(vec![Standing {
        slot: slot(1),
        epoch: 1,
        next: 5,
        last: Some(Last::of(&record(1, 4, 4))),
    }]);
    batches.torn(&slot(0));
    batches.record(record(0, 9, 9));
    assert_eq!(batches.gaps(SECOND), [], "three records wait");
    assert_eq!(next(&mut batches, SECOND), Some(vec![(0, 3)]));
    let gap = |gaps: Vec<Gap>| gaps.into_iter().map(|gap| (gap.slot.partition, gap.from, gap.found)).next();
    assert_eq!(gap(batches.gaps(SECOND)), Some((0, 3, 9)));
    assert_eq!(
        (gap(batches.gaps(SECOND)), batches.halted()),
        (None, None),
        "told once, and others are looked for"
    );
    batches.record(record(0, 10, 10));
    batches.record(record(1, 4, 999));
    assert_eq!(gap(batches.gaps(SECOND)), Some((1, 5, 4)));
    assert_eq!(batches.wake_at(SECOND), Some(SECOND * 2));
    batches.gaps(SECOND * 2);
    assert!(batches.halted().is_some_and(|why| why.starts_with("gap: okr.events/0@9")));
    assert_eq!(next(&mut batches, SECOND * 2), None);
}
