use proptest::prelude::*;

use super::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn schedule() -> Schedule {
    Schedule::new(vec![S(5), S(30), S(120)], 5)
}

#[track_caller]
fn check(attempt: u32, after: Option<u64>, expected: Option<u64>) {
    assert_eq!(schedule().pause(attempt, after.map(S), 0.5), expected.map(S), "after attempt {attempt}");
}

#[test]
fn pauses_follow_the_list_and_the_last_one_repeats() {
    check(1, None, Some(5));
    check(2, None, Some(30));
    check(3, None, Some(120));
    check(4, None, Some(120));
}

#[test]
fn the_last_attempt_has_no_pause_after_it() {
    check(5, None, None);
    assert!(!schedule().is_beyond(5));
    assert!(schedule().is_beyond(6));
}

#[test]
fn retry_after_is_a_lower_bound() {
    check(1, Some(60), Some(60));
    check(2, Some(1), Some(30));
}

#[test]
fn without_pauses_and_with_zero_attempts_there_is_still_one() {
    assert_eq!(Schedule::new(vec![], 2).pause(1, None, 0.9), Some(Duration::ZERO));
    assert_eq!(Schedule::new(vec![], 0).pause(1, None, 0.9), None);
}

proptest! {
    #[test]
    fn a_pause_is_within_a_fifth_of_the_list(attempt in 1_u32..5, chance in 0.0_f64..1.0) {
        let (pause, plan) = (schedule().pause(attempt, None, chance), schedule().pause(attempt, None, 0.5));
        let (pause, plan) = (pause.unwrap(), plan.unwrap());
        prop_assert!(pause >= plan.mul_f64(0.799) && pause <= plan.mul_f64(1.201));
    }
}
