//! Readiness is about us: a remote in trouble makes nobody unready, an engine that stands still does.

use std::sync::atomic::Ordering;

use tokio::time::sleep;

use crate::tests::fakes::{Bench, passing};
use crate::tests::{FREE, SECOND};

/// Why a check of the engine is not well.
fn why(bench: &Bench, check: &str) -> Option<String> {
    bench.house.health.report().checks[check].why.clone()
}

#[tokio::test(start_paused = true)]
async fn targets_that_hang_and_refuse_for_an_hour_make_nobody_unready() {
    let bench = Bench::start(&[("hangs", FREE), ("refuses", FREE), ("slow", boot::Rate::per_second(0.1))]);
    bench.script("hangs", |_| (SECOND * 10_000, Ok(())));
    bench.script("refuses", |_| (SECOND, Err(passing(None))));
    for subject in 0..40 {
        for target in ["hangs", "refuses", "slow"] {
            bench.plan(target, &format!("kr {subject}"), 0..1).await;
        }
    }
    for _ in 0..360 {
        sleep(SECOND * 10).await;
        let report = bench.house.health.report();
        assert!(report.ready, "{report:?}");
    }
    assert!(bench.queue.rows().iter().any(|row| row.end.is_none()), "their rows are an hour old");
}

#[tokio::test(start_paused = true)]
async fn a_store_whose_call_does_not_end_is_told_within_fifty_seconds() {
    let bench = Bench::start(&[("a", FREE)]);
    sleep(SECOND * 60).await;
    assert_eq!(why(&bench, "notifier.deliveries"), None);
    bench.queue.hangs.store(true, Ordering::SeqCst);
    bench.plan("a", "kr", 0..1).await;
    sleep(SECOND * 50).await;
    assert!(why(&bench, "notifier.deliveries").unwrap().contains("does not end"));
    assert_eq!(bench.texts("a"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_round_of_slow_calls_is_no_call_that_does_not_end() {
    let bench = Bench::start(&[("a", FREE)]);
    sleep(SECOND * 60).await;
    // As long as a bounded call may take; marking and taking make a round of twice that.
    *bench.queue.slow.lock().unwrap() = SECOND * 40;
    for subject in 0..10 {
        bench.plan("a", &format!("kr {subject}"), 0..1).await;
    }
    for _ in 0..600 {
        sleep(SECOND).await;
        assert_eq!(why(&bench, "notifier.deliveries"), None);
    }
    assert!(!bench.texts("a").is_empty(), "the rounds had rows to take and to mark");
}

#[tokio::test(start_paused = true)]
async fn leases_that_are_not_renewed_are_told() {
    let bench = Bench::start(&[("a", FREE)]);
    sleep(SECOND * 60).await;
    bench.queue.set_down(true);
    sleep(SECOND * 100).await;
    assert!(why(&bench, "notifier.deliveries").unwrap().contains("not renewed"));
    bench.queue.set_down(false);
    sleep(SECOND * 30).await;
    assert_eq!(why(&bench, "notifier.deliveries"), None, "it heals by itself");
}
