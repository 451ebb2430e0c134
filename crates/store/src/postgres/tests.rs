//! Planning and marking that meet in the middle, step by step.

use std::sync::Arc;
use std::time::Duration;

use bus::Slot;
use futures::FutureExt;
use outbox::{Outcome, Queue};
use tokio_postgres::Client;
use worker::Progress;

use super::{plan, settle};
use crate::testing::{Database, connect};
use crate::tests::postgres::{database, open};
use crate::tests::{TestClock, ends, numbers, parcel, settlement, take};
use crate::{Store, time};

/// A member of the suite's kind, and another one of whom each statement is ours to send.
async fn members() -> (Database, TestClock, Arc<Store>, Client) {
    let (database, clock) = (database().await, TestClock::new());
    let store = open(&database, &clock).await;
    store.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    let other = connect(&database.url).await.unwrap();
    other.batch_execute("BEGIN").await.unwrap();
    (database, clock, store, other)
}

/// Comes back when `call` has ended or stands before a lock of `other`.
async fn until_it_waits<T>(call: impl Future<Output = T> + Unpin, other: &Client) -> Option<T> {
    let waits = async {
        let waiting =
            "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))";
        while other.query(waiting, &[]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    futures::select_biased! {
        outcome = call.fuse() => Some(outcome),
        () = Box::pin(waits).fuse() => None,
    }
}

#[tokio::test]
async fn a_mark_waits_for_a_row_that_is_being_planned_and_brings_it_up() {
    let (_database, clock, store, other) = members().await;
    let row = take(&store, &clock, "one", "a", 1).await.remove(0);

    let asks = [vec![parcel(2, "s", "a")]];
    let columns = plan::Columns::of(&asks).unwrap();
    let now = Some(time::micros(clock.after(0)));
    other.query(plan::PLAN, &columns.params(&now)).await.unwrap();

    let mut mark = store.settle(vec![settlement(&row, "one", Outcome::Done)]);
    let early = ends(until_it_waits(&mut mark, &other)).await;
    other.batch_execute("COMMIT").await.unwrap();
    match early {
        Some(outcome) => outcome.unwrap(),
        None => ends(mark).await.unwrap(),
    }
    assert_eq!(numbers(&take(&store, &clock, "one", "a", 1).await), [2]);
}

#[tokio::test]
async fn a_plan_waits_for_a_mark_that_empties_its_lane_and_makes_it_anew() {
    let (_database, clock, store, other) = members().await;
    let row = take(&store, &clock, "one", "a", 1).await.remove(0);

    let asks = [vec![settlement(&row, "one", Outcome::Done)]];
    let columns = settle::Columns::of(&asks, clock.after(0));
    let now = Some(time::micros(clock.after(0)));
    other.query(settle::LOCK, &columns.leases()).await.unwrap();
    other.query(settle::SETTLE, &columns.marks(&now)).await.unwrap();

    let mut planned = store.plan(vec![parcel(2, "s", "a")]);
    let early = ends(until_it_waits(&mut planned, &other)).await;
    other.batch_execute("COMMIT").await.unwrap();
    let planned = match early {
        Some(outcome) => outcome.unwrap(),
        None => ends(planned).await.unwrap(),
    };
    assert_eq!(planned.new, 1);
    assert_eq!(numbers(&take(&store, &clock, "one", "a", 1).await), [2]);
}

/// Whoever lost a commit's answer asks where its slots stand, and must not be told while the commit is still under way.
#[tokio::test]
async fn where_slots_stand_is_told_after_a_commit_that_is_under_way() {
    let (_database, _clock, store, other) = members().await;
    let slots = [Slot::new("okr.events", 3)];
    store.assign("alerts", &slots).await.unwrap();
    other.batch_execute("UPDATE router_progress SET next_offset = 7").await.unwrap();
    let mut asked = store.standings("alerts", &slots);
    let early = ends(until_it_waits(&mut asked, &other)).await;
    assert!(early.is_none(), "{early:?}");
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(ends(asked).await.unwrap()[0].next, 7);
}
