//! Rows that another member had taken and never marked, and attempts without an answer: perhaps they were accepted.

use std::time::Duration;

use boot::Rate;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::holder::later;
use crate::tests::{
    fakes::{Bench, parcel, passing, quick},
    hour::metric,
};
use crate::{Queue, Refusal, Take, Want};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_row_in_doubt_is_counted_when_it_is_taken_though_it_goes_back_unsent() {
    let _ = boot::metrics_handle();
    let (began, target) = (Instant::now(), "left-in-doubt");
    let bench = Bench::start(&[(target, Rate::per_second(0.5))]);
    // Another member takes them with a lease of a second, and is never heard of again.
    let parcels = (0..5).map(|subject| parcel(target, &format!("kr {subject}"), "perhaps sent")).collect();
    bench.queue.plan(parcels).await.unwrap();
    let now = later(Timestamp::UNIX_EPOCH, began.elapsed());
    let wants = vec![Want { target: target.to_owned(), limit: 5 }];
    let (service, owner, lease_until) = ("notifier".to_owned(), "dead".to_owned(), later(now, SECOND));
    let taken = bench.queue.take(Take { service, owner, wants, lease_until, now }).await.unwrap();
    assert_eq!(taken.len(), 5);
    sleep(SECOND * 5).await;
    bench.house.shutdown.cancel();
    let sent = bench.texts(target).len();
    bench.run.await.unwrap().unwrap();
    // What was never taken over still has the other's lease.
    let taken_over = bench.queue.rows().iter().filter(|row| !row.is_leased()).count();
    assert!(sent < taken_over, "{sent} of {taken_over} were sent, the others went back");
    let counted = metric("okr_outbox_ambiguous_total", target);
    assert_eq!(counted, taken_over as f64, "whoever sends the others next does not know any more");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_after_one_that_was_perhaps_accepted_is_counted_and_a_dead_letter_is_not() {
    let _ = boot::metrics_handle();
    let (always, once) = ("no-answer", "no-answer-once");
    let bench = Bench::start_with(&[(always, Rate::NONE), (once, Rate::NONE)], quick(3));
    let timeout = || Refusal::Passing {
        after: None,
        reason: "timeout",
        error: "no answer within 10s".to_owned(),
        ambiguous: true,
    };
    bench.script(always, move |_| (Duration::ZERO, Err(timeout())));
    bench.script(once, move |shipment| {
        (Duration::ZERO, Err(if shipment.attempt == 1 { timeout() } else { passing(None) }))
    });
    bench.plan(always, "kr", 0..1).await;
    bench.plan(once, "kr", 0..1).await;
    sleep(SECOND * 20).await;
    assert_eq!((bench.texts(always).len(), bench.texts(once).len(), bench.letters().len()), (3, 3, 2));
    let counted = |target| metric("okr_outbox_ambiguous_total", target);
    assert_eq!(counted(always), 2.0, "the second and the third attempt; the letter is sent to nobody");
    assert_eq!(counted(once), 1.0, "a 500 is known not to be accepted");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_after_one_that_ended_with_its_lease_is_counted() {
    let _ = boot::metrics_handle();
    let target = "hung-once";
    let bench = Bench::start(&[(target, Rate::NONE)]);
    bench.script(target, |shipment| {
        (if shipment.attempt == 1 { SECOND * 10_000 } else { Duration::ZERO }, Ok(()))
    });
    bench.plan(target, "kr", 0..1).await;
    sleep(SECOND * 90).await;
    assert_eq!(bench.texts(target).len(), 2);
    assert_eq!(metric("okr_outbox_ambiguous_total", target), 1.0);
}
