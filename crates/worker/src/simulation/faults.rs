//! Each deliberate bug is caught: were one not, the simulation would have gone blind.

use super::{Bugs, Claiming, Fault, SOUND, search};

/// Schedules within which a bug has to show.
const ENOUGH: u64 = 2_000;

#[track_caller]
fn check(bugs: Bugs, laws: &[u8]) {
    let Some((seed, broken)) = search(ENOUGH, bugs) else { panic!("{bugs:?} is not caught") };
    assert!(laws.contains(&broken.law), "{bugs:?} breaks {broken} with seed {seed}, not one of {laws:?}");
}

fn with(fault: Fault) -> Bugs {
    Bugs { fault: Some(fault), ..SOUND }
}

#[test]
fn committing_before_the_work_is_finished_is_caught() {
    check(with(Fault::CommitBeforeFinish), &[1, 2]);
}

#[test]
fn committing_before_the_dead_letter_is_acknowledged_is_caught() {
    check(with(Fault::LetterNotAwaited), &[2]);
}

#[test]
fn two_of_a_key_in_flight_are_caught() {
    check(with(Fault::TwoInFlight), &[3]);
}

#[test]
fn a_retry_that_goes_behind_its_followers_is_caught() {
    check(with(Fault::RetryAtTheEnd), &[3]);
}

#[test]
fn an_unbounded_budget_is_caught() {
    check(Bugs { unbounded: true, ..SOUND }, &[4]);
}

#[test]
fn a_rebalance_that_waits_for_work_is_caught() {
    check(with(Fault::WaitForWork), &[5]);
}

#[test]
fn fencing_before_the_drain_is_caught() {
    check(with(Fault::FenceBeforeDrain), &[6, 7]);
}

#[test]
fn going_on_with_what_was_lost_is_caught() {
    check(with(Fault::CommitOnLost), &[6, 7]);
}

#[test]
fn results_without_an_epoch_are_caught() {
    check(with(Fault::NoEpoch), &[7]);
}

#[test]
fn a_dead_letter_that_is_not_what_came_is_caught() {
    check(Bugs { rewritten: true, ..SOUND }, &[8]);
}

#[test]
fn a_fuse_that_never_blows_is_caught() {
    check(with(Fault::FuseBlind), &[9]);
}

#[test]
fn a_fuse_that_forgets_at_a_restart_is_caught() {
    check(with(Fault::FuseForgets), &[9]);
}

#[test]
fn a_lost_commit_that_is_never_made_good_is_caught() {
    check(with(Fault::CommitNeverRetold), &[10]);
}

#[test]
fn effects_without_a_claim_are_caught() {
    check(Bugs { claiming: Claiming::Never, ..SOUND }, &[10]);
}

#[test]
fn a_claim_before_the_rows_is_caught() {
    check(Bugs { claiming: Claiming::Before, ..SOUND }, &[10]);
}
