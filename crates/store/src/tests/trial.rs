//! A store to measure in leaves the configured one alone, and its history is what deliveries leave.

use boot::system_clock;
use outbox::{Outcome, Queue};

use super::{SERVICE, TestClock, ends, parcel, postgres, settle, take, unfinished};
use crate::testing::connect;
use crate::{Store, Trial};

fn targets() -> Vec<String> {
    ["a", "b", "c"].map(str::to_owned).to_vec()
}

/// Fills a trial beside `url`, delivers one more there, and finds the store of `url` as it was.
async fn check(url: &str) {
    let clock = TestClock::new();
    let store = Store::open(url, clock.clock()).await.unwrap();
    store.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    let trial = Trial::open(url, "okr_trial").await.unwrap();
    trial.fill(SERVICE, &targets(), 100).await.unwrap();
    {
        let measured = trial.store(system_clock()).await.unwrap();
        assert_eq!(unfinished(&measured).await, 0, "history is finished");
        let planned = measured.plan(vec![parcel(1, "s", "a")]).await.unwrap();
        assert_eq!(planned.new, 1, "what the configured store knows is not known here");
        assert_eq!(unfinished(&measured).await, 1);
        assert_eq!(measured.prune(jiff::Timestamp::MAX).await.unwrap(), 100, "all of it is done");
    }
    trial.clear().await.unwrap();

    assert_eq!(unfinished(&store).await, 1);
    let rows = take(&store, &clock, "me", "a", 5).await;
    settle(&store, &rows[0], "me", Outcome::Done).await;
    let again = Trial::open(url, "okr_trial").await.unwrap();
    let measured = again.store(system_clock()).await.unwrap();
    assert_eq!(measured.prune(jiff::Timestamp::MAX).await.unwrap(), 0, "the next trial begins empty");
    drop(measured);
    again.clear().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_in_a_file_leaves_the_configured_store_alone() {
    let folder = tempfile::tempdir().unwrap();
    ends(check(&format!("file:{}", folder.path().join("state.db").display()))).await;
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert!(left.iter().all(|name| name.to_string_lossy().starts_with("state.db")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_in_a_schema_leaves_the_configured_store_alone() {
    let database = postgres::database().await;
    ends(check(&database.url)).await;
    let client = connect(&database.url).await.unwrap();
    let left = client.query("SELECT 1 FROM pg_namespace WHERE nspname = 'okr_trial'", &[]).await.unwrap();
    assert!(left.is_empty());
}

/// What a delivery leaves and what is filled in differ in nothing but the moments.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_what_a_delivery_leaves() {
    let database = postgres::database().await;
    let clock = TestClock::new();
    let trial = Trial::open(&database.url, "okr_trial").await.unwrap();
    trial.fill(SERVICE, &targets(), 1).await.unwrap();
    let store = trial.store(system_clock()).await.unwrap();
    store.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    let rows = take(&store, &clock, "me", "a", 5).await;
    settle(&store, &rows[0], "me", Outcome::Done).await;
    let client = connect(&database.url).await.unwrap();
    let alike = "SELECT count(*), count(DISTINCT (service, target, replay_id, attempts, reason, error,
            finished_at >= claimed_at, abs(extract(epoch FROM to_timestamp(finished_at / 1e6) - now())) < 60))
        FROM okr_trial.router_effects";
    let row = client.query_one(alike, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (2, 1));
    drop((store, client));
    trial.clear().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_trials_of_one_name_never_meet() {
    let database = postgres::database().await;
    let one = Trial::open(&database.url, "okr_trial").await.unwrap();
    let error = Trial::open(&database.url, "okr_trial").await.unwrap_err().to_string();
    assert!(error.contains("another process measures"), "{error}");
    one.clear().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().join("state.db").display());
    let one = Trial::open(&url, "okr_trial").await.unwrap();
    let _in_use = one.store(system_clock()).await.unwrap();
    let error = Trial::open(&url, "okr_trial").await.unwrap_err().to_string();
    assert!(error.contains("is held by process"), "{error}");
}
