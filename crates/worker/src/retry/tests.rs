use proptest::prelude::*;

use super::*;

const BACKOFF: Backoff = Backoff { pause: Duration::from_millis(500), pause_max: Duration::from_secs(30) };

#[track_caller]
fn check(tries: u32, after: Option<u64>, expected_ms: u64) {
    let pause = BACKOFF.pause(tries, after.map(Duration::from_millis), 0.5);
    assert_eq!(pause, Duration::from_millis(expected_ms), "failure {tries}");
}

#[test]
fn pauses_double_up_to_the_cap() {
    check(1, None, 500);
    check(2, None, 1_000);
    check(4, None, 4_000);
    check(7, None, 30_000);
    check(u32::MAX, None, 30_000);
}

#[test]
fn what_the_failure_asked_for_wins() {
    check(1, Some(90_000), 90_000);
    check(7, Some(10), 10);
}

proptest! {
    #[test]
    fn a_pause_is_within_a_fifth_of_the_plan_and_never_above_the_cap(tries in 1_u32..64, chance in 0.0_f64..1.0) {
        let (pause, plan) = (BACKOFF.pause(tries, None, chance), BACKOFF.pause(tries, None, 0.5));
        prop_assert!(pause >= plan.mul_f64(0.799) && pause <= plan.mul_f64(1.201));
        prop_assert!(pause <= BACKOFF.pause_max);
    }
}
