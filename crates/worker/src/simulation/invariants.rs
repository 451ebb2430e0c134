//! The ten invariants by name: each holds in every schedule, and a runtime that breaks it is seen to do so.

use super::{Bugs, Claiming, Fault, SOUND, search, search_for};

#[track_caller]
fn check(law: u8, bugs: Bugs) {
    if let Some((seed, broken)) = search(300, SOUND) {
        panic!("OKR_SIM_SEED={seed} breaks {broken}");
    }
    let found = search_for(2_000, bugs, |broken| broken == law);
    assert!(found.is_some(), "{bugs:?} does not break it");
}

fn with(fault: Fault) -> Bugs {
    Bugs { fault: Some(fault), ..SOUND }
}

#[test]
fn invariant_1_nothing_commits_past_an_unfinished_record() {
    check(1, with(Fault::CommitBeforeFinish));
}

#[test]
fn invariant_2_a_dead_letter_is_acknowledged_before_its_record_is_finished() {
    check(2, with(Fault::LetterNotAwaited));
}

#[test]
fn invariant_3_one_key_has_one_record_in_flight_in_order() {
    check(3, with(Fault::TwoInFlight));
}

#[test]
fn invariant_4_unfinished_work_is_bounded() {
    check(4, Bugs { unbounded: true, ..SOUND });
}

#[test]
fn invariant_5_the_poll_never_waits_for_work() {
    check(5, with(Fault::WaitForWork));
}

#[test]
fn invariant_6_on_revoke_it_drains_and_on_lost_it_drops() {
    check(6, with(Fault::FenceBeforeDrain));
}

#[test]
fn invariant_7_what_finishes_from_an_earlier_assignment_is_ignored() {
    check(7, with(Fault::NoEpoch));
}

#[test]
fn invariant_8_dead_letters_are_untouched_and_say_where_they_come_from() {
    check(8, Bugs { rewritten: true, ..SOUND });
}

#[test]
fn invariant_9_the_fuse_halts_and_survives_a_restart() {
    check(9, with(Fault::FuseForgets));
}

#[test]
fn invariant_10_repeats_are_harmless_and_nothing_is_lost() {
    check(10, Bugs { claiming: Claiming::Never, ..SOUND });
}
