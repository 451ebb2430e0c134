use proptest::prelude::*;

use super::*;

#[test]
fn the_frontier_stops_at_the_first_unfinished_offset() {
    let mut ledger = Ledger::default();
    [3, 4, 7].into_iter().for_each(|offset| ledger.begin(offset).unwrap());
    assert_eq!(ledger.frontier(), None, "nothing is finished");
    ledger.finish(4).unwrap();
    assert_eq!(ledger.frontier(), None, "3 is unfinished");
    ledger.finish(3).unwrap();
    assert_eq!(ledger.frontier(), Some(7), "the gap between 4 and 7 is not waited for");
    ledger.finish(7).unwrap();
    assert_eq!(ledger.frontier(), Some(8));
}

#[test]
fn a_frontier_is_told_once() {
    let mut ledger = Ledger::default();
    ledger.begin(0).unwrap();
    assert_eq!(ledger.moved(), None);
    ledger.finish(0).unwrap();
    assert_eq!(ledger.moved(), Some(1));
    assert_eq!(ledger.moved(), None);
}

#[test]
fn what_never_began_cannot_finish_and_nothing_finishes_twice() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.finish(1), Err(LedgerError::NotOpen(1)));
    ledger.begin(1).unwrap();
    ledger.finish(1).unwrap();
    assert_eq!(ledger.finish(1), Err(LedgerError::NotOpen(1)));
}

#[test]
fn offsets_only_rise() {
    let mut ledger = Ledger::default();
    ledger.begin(5).unwrap();
    assert_eq!(ledger.begin(5), Err(LedgerError::NotRising { offset: 5, last: 5 }));
}

proptest! {
    /// Whatever the gaps and the order of finishing: all offsets below the frontier are finished, none at or above it
    /// could be added to it, and it never falls.
    #[test]
    fn nothing_commits_past_an_unfinished_record(
        gaps in prop::collection::vec(1_i64..4, 1..40),
        order in any::<prop::sample::Index>(),
        shuffle in any::<u64>(),
    ) {
        let offsets: Vec<i64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
        let mut ledger = Ledger::default();
        for offset in &offsets {
            ledger.begin(*offset).unwrap();
        }
        let mut finishing = offsets.clone();
        fastrand::Rng::with_seed(shuffle).shuffle(&mut finishing);
        let (mut done, mut before) = (std::collections::BTreeSet::new(), None);
        for offset in finishing.iter().take(order.index(offsets.len()) + 1) {
            ledger.finish(*offset).unwrap();
            done.insert(*offset);
            let frontier = ledger.frontier();
            prop_assert!(frontier >= before);
            before = frontier;
            let first_open = offsets.iter().find(|offset| !done.contains(offset));
            match (frontier, first_open) {
                (Some(frontier), Some(open)) => prop_assert_eq!(frontier, *open),
                (Some(frontier), None) => prop_assert_eq!(frontier, offsets[offsets.len() - 1] + 1),
                (None, open) => prop_assert_eq!(open, offsets.first()),
            }
        }
        prop_assert_eq!(ledger.unfinished(), offsets.len() - done.len());
    }
}
