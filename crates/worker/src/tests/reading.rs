//! A batch that is read by several tasks is read as by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bus::{InRecord, Slot};
use jiff::Timestamp;

use super::fakes::{FakeLetters, record, slot};
use crate::batch::{Ending, Works};
use crate::batches::{Cut, Share};
use crate::{Batch, BatchHandler, Effects, Failure, Progress, ProgressError, Standing};

/// More than one task reads, and the last of them less than the others.
const RECORDS: i64 = 2_500;

/// Reads offsets, but of keys that say otherwise.
struct Reading;

#[async_trait]
impl BatchHandler for Reading {
    type Item = i64;
    type Changes = Vec<i64>;

    async fn decode(&self, record: &InRecord) -> Result<i64, Failure> {
        match record.key.as_deref() {
            Some(b"panic") => panic!("a bug of the handler"),
            Some(b"unread") => Err(Failure::reject("shape", "not ours")),
            Some(b"wait") => Err(Failure::wait("registry", "it does not answer")),
            _ => Ok(record.offset),
        }
    }

    async fn fold(&self, items: Vec<(&InRecord, i64)>) -> Result<Effects<Vec<i64>>, Failure> {
        assert!(items.iter().all(|(record, item)| record.offset == *item), "records and items have parted");
        Ok(Effects { changes: items.into_iter().map(|(_, item)| item).collect(), produce: Vec::new() })
    }
}

#[derive(Default)]
struct Kept(Mutex<Vec<i64>>);

#[async_trait]
impl Progress for Kept {
    type Changes = Vec<i64>;

    async fn assign(&self, _: &str, _: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        Ok(Vec::new())
    }

    async fn standings(&self, _: &str, _: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        Ok(Vec::new())
    }

    async fn restart(&self, _: &str, _: &Slot, _: i64, _: i64) -> Result<(), ProgressError> {
        Ok(())
    }

    async fn commit(&self, _: &str, batch: &Batch<Vec<i64>>) -> Result<(), ProgressError> {
        self.0.lock().unwrap().extend(&batch.changes);
        Ok(())
    }
}

/// Carries a batch out in which these offsets have these keys; what was kept, and how it ended.
async fn carried(keys: &[(i64, &str)]) -> (Vec<i64>, Ending) {
    let key = |offset| keys.iter().find(|(at, _)| *at == offset).map_or("a", |(_, key)| key);
    let records = (0..RECORDS).map(|offset| record(0, offset, key(offset))).collect();
    let (condemned, buried) = (BTreeMap::new(), BTreeSet::new());
    let cut = Cut {
        number: 1,
        shares: vec![Share { slot: slot(0), epoch: 1, from: 0, records, condemned, buried }],
    };
    let kept = Arc::<Kept>::default();
    let works = Arc::new(Works {
        service: "notifier",
        handler: Reading,
        progress: Arc::clone(&kept),
        dead: Arc::<FakeLetters>::default(),
        clock: Arc::new(|| Timestamp::UNIX_EPOCH),
    });
    let ending = works.carry_out(&cut).await;
    (kept.0.lock().unwrap().clone(), ending)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_a_large_batch_stay_in_order() {
    let (kept, ending) = carried(&[]).await;
    assert!(matches!(ending, Ending::Judged(_)), "{ending:?}");
    assert_eq!(kept, (0..RECORDS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_verdict_falls_on_its_own_record() {
    let (kept, ending) = carried(&[(3, "unread"), (1_000, "panic"), (2_499, "unread")]).await;
    let Ending::Rejected(rejected) = ending else { panic!("{ending:?}") };
    let told: Vec<_> = rejected.iter().map(|(_, offset, verdict)| (*offset, verdict.reason)).collect();
    assert_eq!(told, [(3, "shape"), (1_000, "panic"), (2_499, "shape")]);
    assert!(kept.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_now_condemns_nothing() {
    let (kept, ending) = carried(&[(3, "unread"), (1_500, "wait")]).await;
    assert!(matches!(ending, Ending::Failed(Failure::Retry { reason: "registry", .. })), "{ending:?}");
    assert!(kept.is_empty());
}
