//! Members with several writers, and what is held in memory.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bus::Slot;
use tokio::time::sleep;

use super::SECOND;
use super::batches::Bench;
use super::fakes::{record, slot};
use crate::WorkerConfig;
use crate::feed::News;
use crate::runtime::End;

/// The slots of each commit that the store is at, when thirty records of each of three slots came and it does not get on.
async fn at_once(bench: &Bench) -> Vec<Vec<Slot>> {
    bench.memory.stuck.store(true, Ordering::SeqCst);
    bench.assign_all(&[slot(0), slot(1), slot(2)]).await;
    for offset in 0..30 {
        (0..3).for_each(|partition| bench.tell(News::Record(record(partition, offset, "a"))));
    }
    sleep(SECOND * 5).await;
    bench.memory.waiting.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn several_commits_are_under_way_at_once_and_none_shares_a_slot() {
    for writers in 1..=3 {
        let bench = Bench::start_with(writers, SECOND);
        let commits = at_once(&bench).await;
        assert_eq!(commits.len(), writers, "{commits:?}");
        let mut slots = commits.concat();
        slots.sort();
        slots.dedup();
        assert_eq!(slots.len(), commits.iter().map(Vec::len).sum::<usize>(), "{commits:?}");
        bench.memory.stuck.store(false, Ordering::SeqCst);
        sleep(SECOND * 10).await;
        let mut contained = bench.contained();
        contained.sort_unstable();
        assert_eq!(contained, (0..30).flat_map(|offset| [offset; 3]).collect::<Vec<_>>());
        assert_eq!(bench.gate.held(), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_leaves_waits_for_all_that_is_under_way() {
    let bench = Bench::start_with(2, SECOND);
    at_once(&bench).await;
    bench.house.shutdown.cancel();
    sleep(Duration::from_millis(100)).await;
    assert!(!bench.run.is_finished());
    bench.memory.stuck.store(false, Ordering::SeqCst);
    let memory = std::sync::Arc::clone(&bench.memory);
    assert_eq!(bench.run.await.unwrap(), End::Left);
    let standings = memory.standings.lock().unwrap();
    let under_way = memory.waiting.lock().unwrap().concat();
    assert!(under_way.iter().all(|slot| standings[slot].next == 30), "{standings:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stands_still_bounds_what_is_held_in_memory() {
    let bench = Bench::start();
    bench.memory.stuck.store(true, Ordering::SeqCst);
    bench.assign().await;
    bench.receive(0, "a");
    bench.shared.flood(true);
    sleep(SECOND * 600).await;
    let WorkerConfig { queue_records_max, .. } = WorkerConfig::default();
    let (held, _) = bench.gate.held();
    assert_eq!(held, queue_records_max, "full, and no more");
    bench.shared.flood(false);
    bench.memory.stuck.store(false, Ordering::SeqCst);
    sleep(SECOND * 60).await;
    assert_eq!(bench.gate.held(), (0, 0));
    let contained = bench.contained();
    assert_eq!(contained, (0..i64::try_from(contained.len()).unwrap()).collect::<Vec<_>>());
}
