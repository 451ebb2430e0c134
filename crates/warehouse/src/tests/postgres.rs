//! The suite on Postgres, and what only a shared database promises.

use store::testing::{Cluster, Database, connect};
use tokio::sync::OnceCell;
use worker::ProgressError;

use super::bench::{Bench, Member};
use super::history::at;
use super::{ends, reference, suite};
use crate::{Forget, Person, Place, Tables, open};

/// One cluster for all tests of this process; it goes with the process.
pub async fn database() -> Database {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let cluster =
        CLUSTER.get_or_init(|| async { Cluster::start().await.unwrap_or_else(|error| panic!("{error}")) });
    cluster.await.database().await.unwrap()
}

/// Runs one function of the suite on a new database.
pub(super) async fn check(promise: impl AsyncFnOnce(Bench)) {
    ends(promise(Bench::postgres(database().await).await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_meet_at_a_subject_lose_nothing() {
    check(suite::exact::members_that_meet_at_a_subject_lose_nothing).await;
}

/// Once somebody is on the list, no commit that began before ends after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_under_way_is_waited_for_before_anybody_is_forgotten() {
    let bench = Bench::postgres(database().await).await;
    let member = connect(&bench.place.url).await.unwrap();
    let commit = "SET search_path = okr; BEGIN; SELECT pg_advisory_xact_lock_shared(8028075,
        (SELECT oid::integer FROM pg_namespace WHERE nspname = current_schema()))";
    member.batch_execute(commit).await.unwrap();
    let person = Person { words: vec!["dana".to_owned()], ..Person::default() };
    let forget = Forget::open(&bench.place, &person).await.unwrap();
    let waits = "SELECT 1 AS is FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let commits = async {
        while bench.rows(waits).await.is_empty() {
            tokio::task::yield_now().await;
        }
        assert!(bench.table("okr_erasures").await.is_empty());
        member.batch_execute("COMMIT").await.unwrap();
    };
    let (forgotten, ()) = ends(async { tokio::join!(forget.apply("run 1"), commits) }).await;
    forgotten.unwrap();
    assert_eq!(bench.table("okr_erasures").await.len(), 1);
}

/// What every row would meet is no row's fault, and what cannot be read stays so: a person is told, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_did_to_the_tables_is_neither_a_records_fault_nor_waited_for() {
    let bench = Bench::postgres(database().await).await;
    let mut member = Member::join(&bench.target, [0]).await;
    bench.run("ALTER TABLE okr_events ADD COLUMN region text NOT NULL", "").await;
    let batch = member.batch(&[(0, at("kr", 1, 0, 0.1))]);
    let broken = member.try_commit(&batch).await;
    assert!(matches!(&broken, Err(ProgressError::Broken(why)) if why.contains("region")), "{broken:?}");
    bench.run("ALTER TABLE okr_events DROP COLUMN region", "").await;
    member.try_commit(&batch).await.unwrap();
    bench.run("UPDATE okr_events SET received_at = 'infinity'", "").await;
    let again = member.batch(&[(0, at("kr", 1, 0, 0.1))]);
    let broken = member.try_commit(&again).await;
    assert!(matches!(broken, Err(ProgressError::Broken(_))), "{broken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_without_tables_names_the_command() {
    let database = database().await;
    let place = Place { url: database.url.clone(), schema: "a \"b\"".to_owned() };
    let behind = open(&place, Tables::Expect).await.unwrap_err();
    assert!(behind.to_string().contains("okr-router warehouse migrate --apply"), "{behind}");
    open(&place, Tables::Migrate).await.unwrap();
    open(&place, Tables::Expect).await.unwrap().ping().await.unwrap();
}

/// Nothing that is the server's own trouble may cost a record its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_read_only_locked_or_gone_is_waited_for() {
    let mut cluster = Cluster::own().await.unwrap();
    let database = cluster.database().await.unwrap();
    let url = database.url.clone();
    let bench = Bench::postgres(database).await;
    let mut member = Member::join(&bench.target, [0]).await;
    member.take_all([at("kr", 1, 0, 0.1)]).await;
    let batch = member.batch(&[(0, at("kr", 2, 1, 0.2))]);
    let alter = "ALTER ROLE postgres SET default_transaction_read_only";
    bench.run(&format!("{alter} = on; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'okr-router'"), "").await;
    // The first may still be given a connection that has just been cut.
    let mut told = Vec::new();
    for _ in 0..4 {
        match member.try_commit(&batch).await {
            Err(ProgressError::Unavailable(why)) => told.push(why),
            other => panic!("{other:?}"),
        }
    }
    assert!(told.iter().any(|why| why.contains("read-only transaction (25006)")), "{told:?}");
    bench.run(&format!("SET default_transaction_read_only = off; {alter} = off; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'okr-router'"), "").await;
    cluster.stop();
    let refused = member.try_commit(&batch).await;
    assert!(matches!(refused, Err(ProgressError::Unavailable(_))), "{refused:?}");
    cluster.up().await.unwrap();
    let mut committed = member.try_commit(&batch).await;
    for _ in 0..5 {
        if committed.is_ok() {
            break;
        }
        assert!(matches!(committed, Err(ProgressError::Unavailable(_))), "{committed:?}");
        committed = member.try_commit(&batch).await;
    }
    committed.unwrap();
    let rows = connect(&url).await.unwrap().query("SELECT 1 FROM okr.okr_events", &[]).await.unwrap();
    assert_eq!(rows.len(), 2);
}

/// Two members hold subjects against each other, in both orders, again and again: nobody waits in a circle, neither where
/// subjects are new nor where they are known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_with_the_same_subjects_in_opposite_orders_never_wait_in_a_circle() {
    let bench = Bench::postgres(database().await).await;
    let mut all = Vec::new();
    for round in 0..12u32 {
        let of = |n: u32, number: u32| {
            at(&format!("kr-{}-{number}", round / 2), n, i64::from(n), f64::from(number))
        };
        let first_of = 10 * round;
        let one: Vec<_> = (0..1_000).map(|number| (0, of(first_of + 1, number))).collect();
        let other: Vec<_> = (0..1_000).rev().map(|number| (1, of(first_of + 2, number))).collect();
        let (mut first, mut second) =
            (Member::join(&bench.target, [0]).await, Member::join(&bench.target, [1]).await);
        tokio::join!(first.take(&one), second.take(&other));
        all.extend(one.into_iter().chain(other).map(|(_, event)| event));
    }
    reference::check(&bench, &all).await.unwrap();
    assert_eq!(bench.counted("deadlocks").await, 0);
}
