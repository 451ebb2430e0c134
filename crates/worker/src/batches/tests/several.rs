//! Several batches of one member under way at a time.

use super::*;

fn two() -> BatchRules {
    BatchRules { writers: 2, ..rules() }
}

/// The partitions of a batch with their records.
fn shares(cut: &Cut) -> Vec<(i32, usize)> {
    cut.shares.iter().map(|share| (share.slot.partition, share.records.len())).collect()
}

fn done(batches: &mut Batches, cut: Cut, now: Duration) {
    let fates = vec![Fate::Done; cut.shares.len()];
    batches.settle(cut, &fates, now);
}

fn again(batches: &mut Batches, cut: Cut, now: Duration) {
    let fates = vec![Fate::Again; cut.shares.len()];
    batches.settle(cut, &fates, now);
}

/// What the writers are given at once.
#[track_caller]
fn check<const PARTITIONS: usize>(
    rules: BatchRules,
    records: [i64; PARTITIONS],
    expected: &[&[(i32, usize)]],
) {
    let mut batches = waiting(rules, records);
    let cuts: Vec<_> = std::iter::from_fn(|| batches.cut(SECOND)).collect();
    assert_eq!(cuts.iter().map(shares).collect::<Vec<_>>(), expected, "{records:?}");
}

#[test]
fn what_waits_is_shared_among_the_writers_by_whole_slots() {
    check(two(), [40, 40, 40], &[&[(0, 8)], &[(1, 8)]]);
    check(two(), [4, 4, 4, 4], &[&[(0, 4), (1, 4)], &[(2, 4), (3, 4)]]);
    check(two(), [3, 3], &[&[(0, 3)], &[(1, 3)]]);
    check(two(), [1, 5, 0, 1], &[&[(0, 1), (1, 5)], &[(3, 1)]]);
    check(two(), [40], &[&[(0, 8)]]);
    // Hardly anything: one transaction is cheaper than two.
    check(two(), [1, 1], &[&[(0, 1), (1, 1)]]);
    check(rules(), [3, 3], &[&[(0, 3), (1, 3)]]);
    check(BatchRules { writers: 0, ..rules() }, [3, 3], &[&[(0, 3), (1, 3)]]);
}

#[test]
fn a_slot_is_in_one_batch_at_a_time_and_each_comes_home_by_itself() {
    let mut batches = waiting(two(), [10, 10]);
    let (first, second) = (batches.cut(SECOND).unwrap(), batches.cut(SECOND).unwrap());
    assert!(batches.cut(SECOND).is_none(), "two are under way");
    assert_eq!(batches.load(SECOND * 3), ((16, SECOND * 2), batches.budget.held()));
    done(&mut batches, second, SECOND);
    assert_eq!(batches.parts[&slot(1)].next, 8);
    assert_eq!(batches.parts[&slot(0)].next, 0, "of the first nobody has heard");
    let third = batches.cut(SECOND).unwrap();
    assert_eq!(shares(&third), [(1, 2)], "the rest of the slot that is free");
    assert!(batches.cut(SECOND).is_none());
    done(&mut batches, first, SECOND);
    assert_eq!(shares(&batches.cut(SECOND).unwrap()), [(0, 2)]);
    done(&mut batches, third, SECOND);
    assert_eq!((batches.parts[&slot(0)].next, batches.parts[&slot(1)].next), (8, 10));
}

#[test]
fn one_writer_has_one_batch_out_however_much_waits() {
    let mut batches = waiting(rules(), [40, 40]);
    let cut = batches.cut(SECOND).unwrap();
    assert!(batches.cut(SECOND * 60).is_none());
    done(&mut batches, cut, SECOND);
    assert!(batches.cut(SECOND).is_some());
}

#[test]
fn a_batch_that_did_not_happen_makes_its_slots_rest_and_no_others() {
    let mut batches = waiting(two(), [40, 40, 40]);
    let (first, second) = (batches.cut(SECOND).unwrap(), batches.cut(SECOND).unwrap());
    assert_eq!((shares(&first), shares(&second)), (vec![(0, 8)], vec![(1, 8)]));
    again(&mut batches, first, SECOND);
    let third = batches.cut(SECOND).expect("another slot waits");
    assert_eq!(shares(&third), [(2, 8)]);
    done(&mut batches, second, SECOND);
    done(&mut batches, third, SECOND);
    let wake = batches.wake_at(SECOND).expect("its rest ends");
    assert!(wake > SECOND);
    let cuts: Vec<_> = std::iter::from_fn(|| batches.cut(wake - SECOND / 100)).collect();
    assert_eq!(cuts.iter().map(shares).collect::<Vec<_>>(), [[(1, 8)], [(2, 8)]]);
    cuts.into_iter().for_each(|cut| done(&mut batches, cut, wake));
    assert_eq!(shares(&batches.cut(wake).unwrap()), [(0, 4)], "half of it");
}

/// One partition's records never succeed, while those of others come without an end.
#[test]
fn what_fails_again_and_again_is_tried_by_itself_and_less_and_less_often() {
    for writers in 1..=3 {
        let mut batches = waiting(BatchRules { writers, ..rules() }, [0, 3, 0]);
        let (mut ends, mut tries, mut others, mut now) = ([0; 3], Vec::new(), 0, SECOND);
        while now < SECOND * 100 {
            for partition in [0, 2] {
                while batches.parts[&slot(partition)].queue.len() < 2 {
                    let end = &mut ends[usize::try_from(partition).unwrap()];
                    batches.record(record(partition, *end, 7));
                    *end += 1;
                }
            }
            let cuts: Vec<_> = std::iter::from_fn(|| batches.cut(now)).collect();
            for cut in cuts {
                if cut.shares.iter().any(|share| share.slot == slot(1)) {
                    tries.push(cut.shares.len());
                    batches.failed(cut, None, now);
                } else {
                    others += cut.len();
                    done(&mut batches, cut, now);
                }
            }
            now += SECOND / 10;
        }
        // 0.5 s, 1 s, 2 s and so on, up to 30 s, each a little more or less.
        assert!((6..=12).contains(&tries.len()), "{writers}: {tries:?}");
        assert!(tries[1..].iter().all(|shares| *shares == 1), "{writers}: {tries:?}");
        assert!(others > 3_000, "{writers}: {others} of the others");
    }
}

#[test]
fn single_records_wait_no_longer_beside_a_batch_under_way() {
    let mut batches = waiting(BatchRules { linger: SECOND, ..two() }, [8, 0]);
    let first = batches.cut(SECOND).expect("it is full");
    batches.assigned(vec![Standing { slot: slot(1), epoch: 1, next: 0, last: None }]);
    batches.record(record(1, 0, 1));
    assert!(batches.cut(SECOND * 5).is_none());
    assert_eq!(batches.wake_at(SECOND * 5), Some(SECOND * 6));
    assert_eq!(shares(&batches.cut(SECOND * 6).expect("it has waited")), [(1, 1)]);
    done(&mut batches, first, SECOND * 6);
}

#[test]
fn a_revocation_waits_for_every_batch_that_holds_some_of_its_slots() {
    let mut batches = waiting(two(), [8, 8, 8]);
    let (first, second) = (batches.cut(SECOND).unwrap(), batches.cut(SECOND).unwrap());
    batches.revoking(&[slot(0), slot(1)], SECOND);
    done(&mut batches, second, SECOND);
    assert_eq!(batches.drained(SECOND), None, "the first is out");
    done(&mut batches, first, SECOND);
    assert_eq!(batches.drained(SECOND), Some(vec![(slot(0), 8), (slot(1), 8)]));
    assert_eq!(shares(&batches.cut(SECOND).unwrap()), [(2, 8)]);
}

#[test]
fn what_comes_home_of_an_earlier_assignment_frees_and_moves_nothing() {
    let mut batches = waiting(two(), [8, 0]);
    let old = batches.cut(SECOND).unwrap();
    batches.lost(&[slot(0)]);
    batches.assigned(vec![Standing { slot: slot(0), epoch: 2, next: 0, last: None }]);
    (0..4).for_each(|offset| batches.record(record(0, offset, 7)));
    let new = batches.cut(SECOND).expect("it is another epoch");
    done(&mut batches, old, SECOND);
    assert_eq!(batches.parts[&slot(0)].next, 0);
    assert!(batches.parts[&slot(0)].out.is_some(), "the new one is under way");
    done(&mut batches, new, SECOND);
    assert_eq!(batches.parts[&slot(0)].next, 4);
}

#[test]
fn a_halt_lets_all_that_is_under_way_come_home() {
    let mut batches = waiting(two(), [40, 40]);
    let (first, second) = (batches.cut(SECOND).unwrap(), batches.cut(SECOND).unwrap());
    batches.halt("a person".to_owned());
    done(&mut batches, first, SECOND);
    assert!(batches.is_busy() && batches.cut(SECOND).is_none());
    batches.stop();
    done(&mut batches, second, SECOND);
    assert!(!batches.is_busy());
    assert_eq!(batches.finals(), [(slot(0), 8), (slot(1), 8)]);
    assert_eq!(batches.budget.held(), (0, 0), "nothing is kept of what waited");
}

#[test]
fn dead_letters_are_in_one_batch_at_a_time() {
    let mut batches = waiting(two(), [8, 8]);
    for _ in 0..2 {
        let cut = batches.cut(SECOND).unwrap();
        let (at, verdict) = (cut.shares[0].slot.clone(), Verdict { reason: "avro", error: "odd".to_owned() });
        batches.condemn(cut, vec![(at, 0, verdict)]);
    }
    let first = batches.cut(SECOND).unwrap();
    assert!(batches.cut(SECOND).is_none(), "the fuse has not counted the first one's");
    done(&mut batches, first, SECOND);
    assert_eq!(batches.cut(SECOND).map(|cut| cut.shares[0].condemned.len()), Some(1));
}

#[test]
fn the_fuse_adds_the_letters_of_batches_that_were_judged_side_by_side() {
    let rules = BatchRules { fuse: FuseConfig { in_a_row: 6, percent: 100 }, ..two() };
    let mut batches = waiting(rules, [4, 4]);
    let cuts: Vec<_> = std::iter::from_fn(|| batches.cut(SECOND)).collect();
    assert_eq!(cuts.len(), 2);
    for cut in cuts {
        let at = cut.shares[0].slot.clone();
        let verdict = |offset| (at.clone(), offset, Verdict { reason: "avro", error: "odd".to_owned() });
        batches.condemn(cut, (0..4).map(verdict).collect());
    }
    assert_eq!(batches.halted(), None, "neither is too many");
    let first = batches.cut(SECOND).unwrap();
    done(&mut batches, first, SECOND);
    assert!(batches.cut(SECOND).is_none());
    assert!(batches.halted().is_some_and(|why| why.starts_with("fuse: ")), "{:?}", batches.halted());
    assert!(!batches.is_busy(), "nobody buries the second one's");
}

/// A store that cannot do more than three records of partition 1 in its time, beside partitions that never stand still.
/// Answers in how many tries the records of partition 1 were contained.
fn tries_of_the_slow_one(writers: usize, slow: impl Fn(&mut Batches, Cut, Duration)) -> Option<usize> {
    let rules = BatchRules { writers, ..rules() };
    let mut batches = waiting(rules, [0, 24, 0, 0]);
    let (mut ends, mut tries, mut now) = (BTreeMap::new(), 0, SECOND);
    for _ in 0..2_000 {
        for partition in [0, 2, 3] {
            while batches.parts[&slot(partition)].queue.len() < 8 {
                let end = ends.entry(partition).or_insert(0);
                batches.record(record(partition, *end, 7));
                *end += 1;
            }
        }
        // The slow one comes home long after the others.
        let cuts: Vec<_> = std::iter::from_fn(|| batches.cut(now)).collect();
        for cut in cuts {
            let of_slow = cut.shares.iter().find(|share| share.slot == slot(1));
            let is_slow = of_slow.is_some_and(|share| share.records.len() > 3);
            tries += usize::from(of_slow.is_some());
            now += if is_slow { SECOND * 65 } else { SECOND };
            if is_slow { slow(&mut batches, cut, now) } else { done(&mut batches, cut, now) }
        }
        now += SECOND;
        if batches.parts[&slot(1)].next == 24 {
            return Some(tries);
        }
    }
    None
}

#[test]
fn a_batch_that_takes_longer_than_its_time_gets_through_beside_others_that_get_on() {
    for writers in 1..=3 {
        let tries = tries_of_the_slow_one(writers, again);
        assert!(tries.is_some_and(|tries| tries <= 40), "{writers}: {tries:?}");
        let tries = tries_of_the_slow_one(writers, |batches, cut, now| batches.failed(cut, None, now));
        assert!(tries.is_some_and(|tries| tries <= 40), "{writers}, failed: {tries:?}");
    }
}

#[test]
fn what_fails_at_once_keeps_its_size() {
    let mut batches = waiting(rules(), [40]);
    let cut = batches.cut(SECOND).unwrap();
    batches.failed(cut, None, SECOND * 3);
    let cut = batches.cut(SECOND * 60).unwrap();
    assert_eq!(cut.len(), 8);
    batches.failed(cut, None, SECOND * 125);
    assert_eq!(batches.cut(SECOND * 200).map(|cut| cut.len()), Some(4), "it took a minute");
}
