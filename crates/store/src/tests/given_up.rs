//! Effects that are given up without a row, on both homes.

use outbox::{Planned, Queue};

use super::postgres::{database, open};
use super::{Subject, TestClock, effect, ends, numbers, parcel, take, unfinished};
use crate::Store;
use crate::testing::run;

/// Once closed it is known and gets no row; what has a row keeps it.
async fn what_is_given_up_is_known_and_what_waits_stays((store, clock): Subject) {
    store.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    let mut replay = effect(2, "a");
    replay.replay_id = "replay-1".into();
    let effects = || vec![effect(1, "a"), effect(2, "a"), effect(2, "b"), replay.clone()];
    assert_eq!(store.known(effects()).await.unwrap(), [true, false, false, false]);
    store.close(vec![effect(1, "a"), effect(2, "a")], "target_full").await.unwrap();
    store.close(vec![effect(2, "a")], "target_full").await.unwrap();
    assert_eq!(store.known(effects()).await.unwrap(), [true, true, false, false]);
    assert_eq!(store.plan(vec![parcel(2, "s", "a")]).await.unwrap(), Planned { new: 0, known: 1 });
    assert_eq!((store.known(vec![]).await.unwrap(), unfinished(&store).await), (vec![], 1));
    assert_eq!(numbers(&take(&store, &clock, "one", "a", 5).await), [1], "its row is still to be delivered");
    assert_eq!(store.prune(clock.after(1)).await.unwrap(), 1, "it is forgotten as what is finished is");
    assert_eq!(store.known(effects()).await.unwrap(), [true, false, false, false]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_knows_what_was_given_up() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let url = format!("file:{}", folder.path().join("state.db").display());
    let store = Store::open(&url, clock.clock()).await.unwrap();
    ends(what_is_given_up_is_known_and_what_waits_stays((store, clock))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_knows_what_was_given_up() {
    let (database, clock) = (database().await, TestClock::new());
    let store = open(&database, &clock).await;
    ends(what_is_given_up_is_known_and_what_waits_stays((store, clock))).await;
}

#[tokio::test]
async fn the_reason_is_kept() {
    let (database, clock) = (database().await, TestClock::new());
    let store = open(&database, &clock).await;
    store.close(vec![effect(1, "a")], "target_full").await.unwrap();
    let is_kept = "DO $$ BEGIN ASSERT (SELECT reason = 'target_full' AND finished_at IS NOT NULL \
        FROM router_effects); END $$";
    run(&database.url, is_kept).await.unwrap();
}
