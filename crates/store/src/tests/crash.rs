//! Killed without a word, on both homes: nothing that was acknowledged is lost.
//!
//! The writer is this test program once more, told by its environment to run [`writes_until_it_is_killed`].

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures::future::join_all;
use outbox::{Outcome, Queue};

use super::{TestClock, effect, parcel, settle, take, unfinished};
use crate::testing::Cluster;
use crate::{Store, Time};

const URL: &str = "OKR_STORE_CRASH_URL";

/// The child: plans in groups and says what was acknowledged, for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_until_it_is_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let store = Store::open(&url, TestClock::new().clock()).await.unwrap();
    for group in 0.. {
        let numbers = group * 20..(group + 1) * 20;
        let plans = numbers.clone().map(|n| store.plan(vec![parcel(n, &n.to_string(), "a")]));
        if join_all(plans).await.iter().all(Result::is_ok) {
            println!("acknowledged {group}");
        }
    }
}

/// Starts the writer, kills it after some groups, answers how many groups were acknowledged.
fn write_and_kill(url: &str, groups: u64) -> u64 {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::writes_until_it_is_killed", "--nocapture"])
        .env(URL, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = 0;
    for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
        if line.unwrap().contains("acknowledged") {
            acknowledged += 1;
            if acknowledged == groups {
                writer.kill().unwrap(); // SIGKILL; what it said before that is still read.
            }
        }
    }
    writer.wait().unwrap();
    assert!(acknowledged >= groups, "the writer ended by itself after {acknowledged}");
    acknowledged
}

/// All that was acknowledged is known, and every row that is there can be delivered and marked.
async fn nothing_is_lost(store: &Store, groups: u64) {
    let clock = TestClock::new();
    let repeat =
        store.plan((0..groups * 20).map(|n| parcel(n, &n.to_string(), "a")).collect()).await.unwrap();
    assert_eq!((repeat.new, repeat.known as u64), (0, groups * 20));
    let rows = unfinished(store).await;
    assert!(rows >= groups * 20);
    let mut delivered = 0;
    while let taken @ [_, ..] = take(store, &clock, "one", "a", 100).await.as_slice() {
        for row in taken {
            assert_eq!(row.parcel.effect, effect(row.parcel.record.offset.unsigned_abs(), "a"));
            settle(store, row, "one", Outcome::Done).await;
            delivered += 1;
        }
    }
    assert_eq!((delivered, unfinished(store).await), (rows, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_that_was_acknowledged_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().join("state.db").display());
    for groups in [3, 9] {
        let acknowledged = write_and_kill(&url, groups);
        let store = Store::open(&url, TestClock::new().clock()).await.unwrap();
        if groups == 9 {
            nothing_is_lost(&store, acknowledged).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_and_a_crashed_server_lose_nothing_that_was_acknowledged() {
    let mut cluster = Cluster::own().await.unwrap_or_else(|error| panic!("{error}"));
    let database = cluster.database().await.unwrap();
    let acknowledged = write_and_kill(&database.url, 5);
    let clock = TestClock::new();
    let store = Store::open_with(&database.url, clock.clock(), Time::Caller).await.unwrap();
    cluster.stop();
    let error = store.plan(vec![parcel(0, "0", "a")]).await.unwrap_err();
    assert_eq!(error.reason(), "store_unavailable", "{error}");
    assert!(store.ping().await.is_err());
    cluster.up().await.unwrap();
    // The same handle goes on by itself.
    while store.ping().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    nothing_is_lost(&store, acknowledged).await;
}
