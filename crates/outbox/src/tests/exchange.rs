//! Destinations come, go and change while the engine runs.

use std::time::Duration;

use boot::Rate;
use tokio::time::sleep;

use super::{FREE, SECOND};
use crate::Outcome;
use crate::tests::fakes::{Bench, passing};

#[tokio::test(start_paused = true)]
async fn a_new_destination_delivers_at_once() {
    let mut bench = Bench::start(&[("a", FREE)]);
    sleep(SECOND).await;
    bench.exchange(&[("a", FREE), ("b", FREE)], &[]);
    bench.plan("b", "kr", 0..3).await;
    sleep(SECOND).await;
    assert_eq!(bench.texts("b"), ["0", "1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn rows_of_a_destination_that_went_wait_for_its_return() {
    let mut bench = Bench::start(&[("a", FREE), ("b", FREE)]);
    bench.script("b", |_| (SECOND * 5, Ok(())));
    bench.plan("b", "kr", 0..3).await;
    sleep(SECOND).await;
    bench.exchange(&[("a", FREE)], &[]);
    sleep(SECOND * 600).await;
    assert_eq!(bench.texts("b"), ["0"], "what was under way ends, nothing more begins");
    assert_eq!(bench.queue.ends(), [Some(Outcome::Done), None, None]);
    assert!(bench.queue.rows().iter().all(|row| !row.is_leased()), "nothing is kept from others");
    bench.plan("a", "kr", 0..1).await;
    sleep(SECOND).await;
    assert_eq!(bench.texts("a"), ["0"], "the others go on");
    bench.exchange(&[("a", FREE), ("b", FREE)], &[]);
    sleep(SECOND * 30).await;
    assert_eq!(bench.texts("b"), ["0", "1", "2"]);
    assert!(bench.house.health.is_ready() && !bench.house.shutdown.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_back_before_it_left_keeps_the_order() {
    let mut bench = Bench::start(&[("a", FREE)]);
    bench.script("a", |_| (SECOND * 5, Ok(())));
    bench.plan("a", "kr", 0..4).await;
    sleep(SECOND).await;
    bench.exchange(&[], &[]);
    sleep(SECOND).await;
    bench.exchange(&[("a", FREE)], &[]);
    sleep(SECOND * 60).await;
    assert_eq!(bench.texts("a"), ["0", "1", "2", "3"]);
    assert!(bench.queue.ends().iter().all(|end| *end == Some(Outcome::Done)));
}

#[tokio::test(start_paused = true)]
async fn changed_settings_count_from_the_next_attempt_and_the_breaker_begins_anew() {
    let mut bench = Bench::start(&[("a", FREE)]);
    bench.script("a", |_| (Duration::ZERO, Err(passing(Some(SECOND * 3_000)))));
    bench.plan("a", "kr", 0..1).await;
    sleep(SECOND * 10).await;
    let before = bench.texts("a");
    assert_eq!(before, ["0"], "the remote asked to be left alone");
    bench.exchange(&[("a", FREE)], &["a"]);
    bench.plan("a", "other", 0..1).await;
    sleep(SECOND).await;
    assert_eq!(bench.seen("a").len(), 1, "what another address asked for holds nobody");
    sleep(SECOND * 3_600).await;
    assert!(bench.queue.ends().iter().all(|end| *end == Some(Outcome::Done)), "no row is lost");
}

#[tokio::test(start_paused = true)]
async fn a_new_rate_counts_at_once_and_a_known_one_goes_on() {
    let slow = Rate::per_second(0.1);
    let mut bench = Bench::start(&[("a", slow), ("b", slow)]);
    for subject in 0..4 {
        bench.plan("a", &format!("kr {subject}"), 0..1).await;
        bench.plan("b", &format!("kr {subject}"), 0..1).await;
    }
    sleep(SECOND).await;
    bench.exchange(&[("a", FREE), ("b", slow)], &["a"]);
    sleep(SECOND * 2).await;
    assert_eq!((bench.seen("a").len(), bench.seen("b").len()), (3, 1));
}

/// No two messages stand closer together than the rate says, whatever is exchanged between them.
#[tokio::test(start_paused = true)]
async fn the_last_delivery_before_an_exchange_counts_for_the_next_one() {
    let (slow, faster) = (Rate::per_second(1.0), Rate::per_second(2.0));
    let mut bench = Bench::start(&[("a", slow), ("b", slow)]);
    for subject in 0..3 {
        bench.plan("a", &format!("kr {subject}"), 0..1).await;
        bench.plan("b", &format!("kr {subject}"), 0..1).await;
    }
    sleep(SECOND / 10).await;
    assert_eq!((bench.seen("a").len(), bench.seen("b").len()), (1, 1));
    // One gets another rate, the other goes and comes back.
    let (first_a, first_b) = (bench.seen("a"), bench.seen("b"));
    bench.exchange(&[("a", faster)], &["a"]);
    sleep(SECOND / 10).await;
    bench.exchange(&[("a", faster), ("b", slow)], &["b"]);
    sleep(SECOND * 10).await;
    let gap = |first: &[(Duration, String, String)], name: &str| bench.seen(name)[0].0 - first[0].0;
    assert!(gap(&first_a, "a") >= SECOND / 2, "{:?}", gap(&first_a, "a"));
    assert!(gap(&first_b, "b") >= SECOND, "{:?}", gap(&first_b, "b"));
}
