//! Claim and rows in one insert.

use bytes::Bytes;
use futures::future::join_all;
use outbox::{Outcome, Planned, Queue};

use crate::tests::{Subject, numbers, parcel, settle, take, unfinished};

pub(crate) async fn a_repeat_is_known_and_adds_nothing((store, clock): Subject) {
    let parcels = vec![parcel(1, "s", "a"), parcel(1, "s", "b")];
    assert_eq!(store.plan(parcels.clone()).await.unwrap(), Planned { new: 2, known: 0 });
    assert_eq!(store.plan(parcels.clone()).await.unwrap(), Planned { new: 0, known: 2 });

    let row = take(&store, &clock, "one", "a", 5).await.remove(0);
    settle(&store, &row, "one", Outcome::Done).await;
    assert_eq!(store.plan(parcels).await.unwrap(), Planned { new: 0, known: 2 }, "done, and still claimed");
    assert_eq!(take(&store, &clock, "one", "a", 5).await, []);
    assert_eq!(unfinished(&store).await, 1);
}

pub(crate) async fn a_replay_is_another_effect((store, _): Subject) {
    let live = parcel(1, "s", "a");
    let mut replayed = live.clone();
    replayed.effect.replay_id = "replay-7".into();
    assert_eq!(store.plan(vec![live, replayed]).await.unwrap().new, 2);
}

pub(crate) async fn of_many_planners_one_makes_each_row((store, _): Subject) {
    let plans = (0..40).map(|n| store.plan(vec![parcel(n % 5, "s", "a"), parcel(n % 5, "s", "b")]));
    let planned = join_all(plans).await.into_iter().map(Result::unwrap);
    let (new, known) = planned.fold((0, 0), |(new, known), p| (new + p.new, known + p.known));
    assert_eq!((new, known), (10, 70));
    assert_eq!(unfinished(&store).await, 10);
}

pub(crate) async fn a_parcel_comes_back_as_it_was((store, clock): Subject) {
    let mut odd = parcel(7, "s", "a");
    odd.subject_key = format!("acme/kr/nul\0 and \u{1F3AF} {}", "long ".repeat(2_000));
    odd.effect.replay_id = "replay-1".into();
    odd.content.text = Some("text with \0 and \"quotes\"".into());
    odd.content.event = Some(r#"{"a":"\u0000"}"#.into());
    odd.record.key = None;
    odd.record.value = Some(Bytes::from((0..=255u8).collect::<Vec<_>>().repeat(6_000)));
    odd.record.timestamp_ms = None;
    odd.record.headers =
        vec![("h".into(), None), ("h".into(), Some(Bytes::from_static(b"\xff\0"))), ("".into(), None)];
    let bare = parcel(8, "t", "a");
    store.plan(vec![odd.clone(), bare.clone()]).await.unwrap();
    let rows = take(&store, &clock, "one", "a", 5).await;
    let mut parcels: Vec<_> = rows.into_iter().map(|row| row.parcel).collect();
    parcels.sort_by_key(|parcel| parcel.record.offset);
    assert!(
        parcels == [odd, bare],
        "a parcel of {} bytes is not what it was",
        parcels[0].record.pack().len()
    );
}

pub(crate) async fn rows_of_one_call_keep_their_order((store, clock): Subject) {
    let same = |n| parcel(n, "same", "a");
    store.plan((0..30).rev().map(same).collect()).await.unwrap();
    let mut seen = Vec::new();
    while let [row] = take(&store, &clock, "one", "a", 5).await.as_slice() {
        seen.extend(numbers(std::slice::from_ref(row)));
        settle(&store, row, "one", Outcome::Done).await;
    }
    assert_eq!(seen, (0..30).rev().collect::<Vec<_>>());
}
