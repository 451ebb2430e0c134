//! How fast both homes are. Numbers depend on the machine, so this is run by hand:
//! `cargo t -p store --release pace -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use futures::stream;
use outbox::{Outcome, Queue, Take, Want};

use super::{SERVICE, parcel, postgres, settlement};
use crate::Store;
use crate::testing::connect;

const EVENTS: u64 = 20_000;
const TARGETS: u64 = 40;

const HISTORY: &str = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000000)
    INSERT INTO router_effects (service, event_id, target, replay_id, claimed_at, finished_at, attempts)
    SELECT 'notifier', EVENT, 'target-' || n % 40, '', n, n, 1 FROM n";

/// Plans with 256 in flight, delivers and marks beside it.
async fn pace(name: &str, first: u64, store: Arc<Store>) {
    let begin = Instant::now();
    let planner = async {
        let plans = stream::iter(first..first + EVENTS).map(|n| {
            let store = &store;
            async move {
                let target = format!("target-{}", n % TARGETS);
                store.plan(vec![parcel(n, &format!("s{}", n % 5_000), &target)]).await.unwrap()
            }
        });
        plans.buffer_unordered(256).for_each(|_| async {}).await;
        begin.elapsed()
    };
    let deliverers = (0..4).map(|n| {
        let store = store.clone();
        async move {
            let owner = format!("owner-{n}");
            let mut done = 0;
            let mut idle = 0;
            while idle < 50 {
                let mine = (0..TARGETS).filter(|target| target % 4 == n);
                let wants =
                    mine.map(|target| Want { target: format!("target-{target}"), limit: 16 }).collect();
                let now = jiff::Timestamp::now();
                let lease_until = now + jiff::SignedDuration::from_secs(30);
                let take = Take { service: SERVICE.into(), owner: owner.clone(), wants, lease_until, now };
                let rows = store.take(take).await.unwrap();
                if rows.is_empty() {
                    idle += 1;
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    continue;
                }
                idle = 0;
                done += rows.len();
                store
                    .settle(rows.iter().map(|row| settlement(row, &owner, Outcome::Done)).collect())
                    .await
                    .unwrap();
            }
            done
        }
    });
    let (planned, done) = futures::join!(planner, futures::future::join_all(deliverers));
    let all = begin.elapsed() - std::time::Duration::from_millis(250);
    assert_eq!(done.iter().sum::<usize>() as u64, EVENTS);
    let rate = |time: std::time::Duration| EVENTS as f64 / time.as_secs_f64();
    eprintln!("{name}: planned {:.0}/s, planned, taken and marked {:.0}/s", rate(planned), rate(all));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn pace_of_both_homes() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let file = folder.path().join("state.db");
    let url = format!("file:{}", file.display());
    pace("embedded", 0, Store::open(&url, boot::system_clock()).await.unwrap()).await;
    let libsql = libsql::Builder::new_local(file).build().await.unwrap();
    libsql.connect().unwrap().execute_batch(&HISTORY.replace("EVENT", "randomblob(16)")).await.unwrap();
    pace("embedded after a million", EVENTS, Store::open(&url, boot::system_clock()).await.unwrap()).await;

    let database = postgres::database().await;
    pace("postgres", 0, Store::open(&database.url, boot::system_clock()).await.unwrap()).await;
    let client = connect(&database.url).await.unwrap();
    client.batch_execute(&HISTORY.replace("EVENT", "gen_random_uuid()")).await.unwrap();
    pace("postgres after a million", EVENTS, Store::open(&database.url, boot::system_clock()).await.unwrap())
        .await;
}
