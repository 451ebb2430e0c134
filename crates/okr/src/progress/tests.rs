//! Progress arithmetic, by example and by law.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(
    start: impl Into<Option<f64>>,
    target: impl Into<Option<f64>>,
    current: impl Into<Option<f64>>,
    expected: impl Into<Option<f64>>,
) {
    let metric = Metric { start: start.into(), target: target.into(), current: current.into(), unit: None };
    let (done, expected) = (from_metric(&metric), expected.into());
    let near = match (done, expected) {
        (Some(done), Some(expected)) => (done - expected).abs() < 1e-9,
        (done, expected) => done == expected,
    };
    assert!(near, "{metric:?} gives {done:?}, not {expected:?}");
}

#[test]
fn a_metric_on_its_way_up() {
    check(0.0, 10.0, 4.2, 0.42);
    check(100.0, 200.0, 150.0, 0.5);
    check(-10.0, 10.0, 0.0, 0.5);
}

#[test]
fn a_metric_whose_target_lies_below_its_start() {
    check(80.0, 20.0, 50.0, 0.5);
    check(80.0, 20.0, 10.0, 70.0 / 60.0);
    check(80.0, 20.0, 90.0, 0.0);
}

#[test]
fn worse_than_the_start_is_0_and_past_the_goal_is_kept_up_to_the_cap() {
    check(0.0, 10.0, -3.0, 0.0);
    check(0.0, 10.0, 13.0, 1.3);
    check(0.0, 10.0, 1000.0, 6.5);
}

#[test]
fn a_start_that_is_the_target_is_reached_or_says_nothing() {
    check(5.0, 5.0, 5.0, 1.0);
    check(5.0, 5.0, 4.0, None);
    check(0.0, 0.0, 0.0, 1.0);
}

#[test]
fn what_is_not_said_is_not_computed() {
    check(None, None, None, None);
    check(0.0, 10.0, None, None);
    check(0.0, None, 4.0, None);
    check(None, 10.0, 4.0, 0.4);
}

#[test]
fn what_is_not_a_number_is_no_progress() {
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        check(odd, 10.0, 4.0, None);
        check(0.0, odd, 4.0, None);
        check(0.0, 10.0, odd, None);
        assert_eq!(from_ratio(odd), None);
        assert_eq!(from_scaled(odd, 100.0), None);
        assert_eq!(from_scaled(1.0, odd), None);
    }
    check(-f64::MAX, f64::MAX, 0.0, 0.5);
}

#[test]
fn a_percentage_is_divided_by_the_scale_of_the_config_and_by_nothing_else() {
    assert_eq!(from_scaled(42.0, 100.0), Some(0.42));
    assert_eq!(from_scaled(0.42, 1.0), Some(0.42));
    assert_eq!(from_scaled(130.0, 100.0), Some(1.3));
    assert_eq!(from_scaled(-1.0, 100.0), Some(0.0));
    assert_eq!(from_scaled(1.0, 0.0), None);
    assert_eq!(from_scaled(1.0, -100.0), None);
}

#[test]
fn decimal_text_is_a_number_and_other_text_is_not() {
    for (text, expected) in [(" 0.42 ", 0.42), ("-3", -3.0), ("1e3", 1000.0), ("+.5", 0.5), ("7.", 7.0)] {
        assert_eq!(number(text), Some(expected), "{text}");
    }
    for text in ["", " ", "NaN", "inf", "-infinity", "1e999", "0,42", "42%", "1 000", "e", "0x10", "1_000"] {
        assert_eq!(number(text), None, "{text}");
    }
}

#[test]
fn no_progress_carries_a_minus_sign() {
    assert!(from_ratio(-0.0).is_some_and(f64::is_sign_positive));
    check(0.0, -10.0, 0.0, 0.0);
}

proptest! {
    #[test]
    fn progress_is_always_between_0_and_the_cap(start: f64, target: f64, current: f64) {
        let metric = Metric { start: Some(start), target: Some(target), current: Some(current), unit: None };
        if let Some(done) = from_metric(&metric) {
            prop_assert!((0.0..=CAP).contains(&done));
        }
    }

    #[test]
    fn a_number_nearer_to_the_goal_is_never_less_progress(
        start in -1e6..1e6f64, target in -1e6..1e6f64, one in 0.0..2.0f64, other in 0.0..2.0f64,
    ) {
        prop_assume!((target - start).abs() > 1e-3);
        let done = |way: f64| from_metric(&Metric {
            start: Some(start), target: Some(target), current: Some(start + way * (target - start)), unit: None,
        }).unwrap();
        let (less, more) = (one.min(other), one.max(other));
        prop_assert!(done(less) <= done(more) + 1e-9);
    }
}
