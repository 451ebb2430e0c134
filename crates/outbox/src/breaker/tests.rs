use super::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn open() -> Breaker {
    let mut breaker = Breaker::new(3, S(10), S(60));
    (0..3).for_each(|_| breaker.failed(S(0)));
    breaker
}

#[test]
fn it_opens_after_failures_in_a_row_and_is_probed_after_a_pause() {
    let mut breaker = Breaker::new(3, S(10), S(60));
    breaker.failed(S(0));
    breaker.failed(S(0));
    breaker.succeeded();
    breaker.failed(S(0));
    breaker.failed(S(0));
    assert_eq!(breaker.state(S(0)), BreakerState::Closed, "not in a row");
    breaker.failed(S(0));
    assert_eq!(breaker.state(S(9)), BreakerState::Open(S(10)));
    assert_eq!(breaker.state(S(10)), BreakerState::HalfOpen);
}

#[test]
fn a_probe_that_succeeds_closes_it() {
    let mut breaker = open();
    breaker.succeeded();
    assert_eq!(breaker.state(S(1)), BreakerState::Closed);
}

#[test]
fn the_pause_doubles_with_each_failed_probe_up_to_the_longest() {
    let mut breaker = open();
    for (now, until) in [(10, 30), (30, 70), (70, 130), (130, 190)] {
        breaker.failed(S(now));
        assert_eq!(breaker.state(S(now)), BreakerState::Open(S(until)));
    }
}

#[test]
fn failures_of_deliveries_begun_before_do_not_prolong_it() {
    let mut breaker = open();
    breaker.failed(S(9));
    assert_eq!(breaker.state(S(10)), BreakerState::HalfOpen);
}
