//! One suite on both homes, and what each home promises for itself.

mod clock;
mod crash;
mod embedded;
mod gateway;
mod given_up;
mod hour;
mod pace;
pub(crate) mod postgres;
mod suite;
mod trial;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use outbox::{Content, Effect, Outcome, Parcel, Queue, RecordCopy, Row, Settlement, Take, Want};
use uuid::Uuid;

use crate::Store;
pub(crate) use clock::TestClock;

const SERVICE: &str = "notifier";

/// The event of a number, always the same.
fn event(n: u64) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes())
}

fn effect(n: u64, target: &str) -> Effect {
    Effect { service: SERVICE.into(), event_id: event(n), target: target.into(), replay_id: String::new() }
}

/// Event `n` of `subject` for `target`.
pub(crate) fn parcel(n: u64, subject: &str, target: &str) -> Parcel {
    Parcel {
        effect: effect(n, target),
        subject_key: format!("acme/key_result/{subject}"),
        received_at: Timestamp::from_second(1_700_000_000).unwrap(),
        content: Content { text: Some(format!("message {n}")), ..Content::default() },
        record: RecordCopy {
            topic: "okr.events".into(),
            partition: 3,
            offset: i64::try_from(n).unwrap(),
            timestamp_ms: Some(1_700_000_000_000),
            key: Some(Bytes::from_static(b"key")),
            value: Some(Bytes::from(vec![0u8; 200])),
            headers: vec![("ce_id".into(), Some(Bytes::from(n.to_string())))],
        },
    }
}

/// What `owner` gets when it asks for up to `limit` rows of `target`, leased for 30 seconds.
pub(crate) async fn take(
    store: &Store,
    clock: &TestClock,
    owner: &str,
    target: &str,
    limit: usize,
) -> Vec<Row> {
    let want = Want { target: target.to_owned(), limit };
    store
        .take(Take {
            service: SERVICE.into(),
            owner: owner.into(),
            wants: vec![want],
            lease_until: clock.after(30),
            now: clock.after(0),
        })
        .await
        .unwrap()
}

/// The numbers of the events of `rows`.
pub(crate) fn numbers(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|row| row.parcel.record.offset).collect()
}

pub(crate) fn settlement(row: &Row, owner: &str, outcome: Outcome) -> Settlement {
    Settlement { id: row.id, owner: owner.into(), attempt: row.attempt, outcome }
}

async fn settle(store: &Store, row: &Row, owner: &str, outcome: Outcome) {
    store.settle(vec![settlement(row, owner, outcome)]).await.unwrap();
}

/// Unfinished rows of all targets.
async fn unfinished(store: &Store) -> u64 {
    store.depths(SERVICE).await.unwrap().iter().map(|depth| depth.rows).sum()
}

/// Fails what would wait for ever.
pub(crate) async fn ends<T>(promise: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), promise).await.expect("it did not come to an end")
}

/// A suite's function: a store and the clock that it was opened with.
type Subject = (Arc<Store>, TestClock);
