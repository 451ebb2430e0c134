//! State services: rows, state, outgoing records and offsets in one transaction.

use std::time::Duration;

use bus::{Headers, OutRecord, Slot};
use bytes::Bytes;
use uuid::Uuid;
use worker::{Batch, Fingerprint, Last, Mark, Progress, ProgressError};

use crate::tests::Subject;
use crate::{State, Store};

const ALERTS: &str = "alerts";
const LEASE: Duration = Duration::from_secs(30);

fn slot(partition: i32) -> Slot {
    Slot::new("okr.events", partition)
}

fn last(offset: i64) -> Last {
    Last { offset, fingerprint: Fingerprint(Uuid::from_u128(offset.unsigned_abs().into())) }
}

fn mark(partition: i32, epoch: i64, from: i64, next: i64) -> Mark {
    Mark { slot: slot(partition), epoch, from, next, last: last(next - 1) }
}

fn alert(n: u8) -> OutRecord {
    let mut headers = Headers::default();
    headers.push("ce_id", "1");
    headers.push_null("odd");
    OutRecord {
        topic: "okr.alerts".into(),
        partition: 2,
        key: Some(Bytes::from_static(b"acme/kr/1")),
        value: Some(Bytes::from(vec![n, 0])),
        headers,
    }
}

fn batch(marks: Vec<Mark>, states: &[(&str, Option<u8>)], produce: Vec<OutRecord>) -> Batch<Vec<State>> {
    let state = |(key, value): &(&str, Option<u8>)| State {
        key: (*key).to_owned(),
        value: value.map(|value| vec![value]),
    };
    Batch { marks, changes: states.iter().map(state).collect(), produce }
}

/// Epoch, next offset and last record of each slot.
async fn stands(store: &Store, partitions: &[i32]) -> Vec<(i64, i64, Option<Last>)> {
    let slots: Vec<Slot> = partitions.iter().map(|partition| slot(*partition)).collect();
    let found = store.standings(ALERTS, &slots).await.unwrap();
    let of = |slot: &Slot| found.iter().find(|standing| standing.slot == *slot);
    slots.iter().filter_map(of).map(|it| (it.epoch, it.next, it.last)).collect()
}

async fn kept(store: &Store, keys: &[&str]) -> Vec<Option<u8>> {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let found = store.state(ALERTS, &keys).await.unwrap();
    found.into_iter().map(|value| value.map(|value| value[0])).collect()
}

pub(crate) async fn an_assignment_raises_the_epoch_and_says_where_it_stands((store, _): Subject) {
    assert_eq!(stands(&store, &[0, 1]).await, []);
    let first = store.assign(ALERTS, &[slot(0), slot(1)]).await.unwrap();
    assert_eq!(first.iter().map(|it| (it.epoch, it.next, it.start())).collect::<Vec<_>>(), [(1, 0, 0); 2]);
    store.commit(ALERTS, &batch(vec![mark(0, 1, 0, 8)], &[], vec![])).await.unwrap();
    store.assign(ALERTS, &[slot(0)]).await.unwrap();
    assert_eq!(stands(&store, &[0, 1]).await, [(2, 8, Some(last(7))), (1, 0, None)]);
    let other = store.assign("collector", &[slot(0)]).await.unwrap();
    assert_eq!((other[0].epoch, other[0].next), (1, 0), "services do not see each other");
}

pub(crate) async fn a_batch_is_all_or_nothing((store, _): Subject) {
    store.assign(ALERTS, &[slot(0), slot(1)]).await.unwrap();
    let whole =
        batch(vec![mark(0, 1, 0, 3), mark(1, 1, 0, 5)], &[("a", Some(1)), ("b", Some(2))], vec![alert(1)]);
    store.commit(ALERTS, &whole).await.unwrap();
    assert_eq!(stands(&store, &[0, 1]).await, [(1, 3, Some(last(2))), (1, 5, Some(last(4)))]);
    assert_eq!(kept(&store, &["a", "b", "c"]).await, [Some(1), Some(2), None]);

    store.assign(ALERTS, &[slot(1)]).await.unwrap();
    let half =
        batch(vec![mark(0, 1, 3, 9), mark(1, 1, 5, 9)], &[("a", Some(9)), ("b", None)], vec![alert(9)]);
    assert_eq!(store.commit(ALERTS, &half).await, Err(ProgressError::Outdated));
    assert_eq!(stands(&store, &[0, 1]).await, [(1, 3, Some(last(2))), (2, 5, Some(last(4)))]);
    assert_eq!(kept(&store, &["a", "b"]).await, [Some(1), Some(2)]);
    assert_eq!(store.outgoing(ALERTS, "one", LEASE, 9).await.unwrap().len(), 1);

    store
        .commit(ALERTS, &batch(vec![mark(0, 1, 3, 9)], &[("a", Some(9)), ("b", None)], vec![]))
        .await
        .unwrap();
    assert_eq!(kept(&store, &["a", "b"]).await, [Some(9), None]);
}

pub(crate) async fn a_zombie_commits_nothing((store, _): Subject) {
    store.assign(ALERTS, &[slot(0)]).await.unwrap();
    store.assign(ALERTS, &[slot(0)]).await.unwrap();
    let zombie = batch(vec![mark(0, 1, 0, 4)], &[("a", Some(1))], vec![]);
    assert_eq!(store.commit(ALERTS, &zombie).await, Err(ProgressError::Outdated));
    store.commit(ALERTS, &batch(vec![mark(0, 2, 0, 4)], &[("a", Some(2))], vec![])).await.unwrap();
    assert_eq!(store.commit(ALERTS, &zombie).await, Err(ProgressError::Outdated));
    assert_eq!(kept(&store, &["a"]).await, [Some(2)]);
}

pub(crate) async fn a_repeated_commit_is_outdated_and_stands_where_it_should((store, _): Subject) {
    store.assign(ALERTS, &[slot(0)]).await.unwrap();
    let once = batch(vec![mark(0, 1, 0, 4)], &[], vec![alert(1)]);
    store.commit(ALERTS, &once).await.unwrap();
    assert_eq!(store.commit(ALERTS, &once).await, Err(ProgressError::Outdated));
    assert_eq!(stands(&store, &[0]).await, [(1, 4, Some(last(3)))]);
    assert_eq!(store.outgoing(ALERTS, "one", LEASE, 9).await.unwrap().len(), 1);
}

pub(crate) async fn what_is_produced_waits_in_order_for_one_relay((store, clock): Subject) {
    store.assign(ALERTS, &[slot(0)]).await.unwrap();
    store.commit(ALERTS, &batch(vec![mark(0, 1, 0, 1)], &[], vec![alert(1), alert(2)])).await.unwrap();
    store.commit(ALERTS, &batch(vec![mark(0, 1, 1, 2)], &[], vec![alert(3)])).await.unwrap();
    let waiting = store.outgoing(ALERTS, "one", LEASE, 9).await.unwrap();
    assert!(waiting.windows(2).all(|pair| pair[0].id < pair[1].id));
    let sent: Vec<OutRecord> = waiting.iter().map(|outgoing| outgoing.record.clone()).collect();
    assert_eq!(sent, [alert(1), alert(2), alert(3)]);
    assert_eq!(store.outgoing(ALERTS, "two", LEASE, 9).await.unwrap().len(), 0, "one relays");
    store.sent(ALERTS, &[waiting[0].id, waiting[1].id]).await.unwrap();
    clock.advance(31);
    let left = store.outgoing(ALERTS, "two", LEASE, 9).await.unwrap();
    assert_eq!(left.iter().map(|outgoing| outgoing.id).collect::<Vec<_>>(), [waiting[2].id]);
    assert_eq!(store.outgoing(ALERTS, "one", LEASE, 9).await.unwrap().len(), 0, "two relays now");
}

pub(crate) async fn a_slot_that_is_given_up_begins_anew_in_its_own_epoch((store, _): Subject) {
    store.assign(ALERTS, &[slot(0), slot(1)]).await.unwrap();
    let batch = batch(vec![mark(0, 1, 0, 8), mark(1, 1, 0, 3)], &[("a", Some(1))], vec![]);
    store.commit(ALERTS, &batch).await.unwrap();
    store.assign(ALERTS, &[slot(0)]).await.unwrap();
    for (epoch, from) in [(1, 8), (2, 7)] {
        assert_eq!(store.restart(ALERTS, &slot(0), epoch, from).await, Err(ProgressError::Outdated));
    }
    store.restart(ALERTS, &slot(0), 2, 8).await.unwrap();
    assert_eq!(store.restart(ALERTS, &slot(0), 2, 8).await, Err(ProgressError::Outdated), "it is done");
    assert_eq!(stands(&store, &[0, 1]).await, [(2, 0, None), (1, 3, Some(last(2)))]);
    assert_eq!(kept(&store, &["a"]).await, [Some(1)], "state stays");
}
