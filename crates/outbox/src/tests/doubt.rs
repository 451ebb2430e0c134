//! Rows that another member had taken and never marked: perhaps they were sent.

use std::time::Duration;

use boot::Rate;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::holder::later;
use crate::tests::{
    fakes::{Bench, parcel},
    hour::metric,
};
use crate::{Queue, Take, Want};

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
