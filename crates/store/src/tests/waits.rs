//! What a commit that is under way, and a connection that cannot be made ready, have callers wait for.

use std::time::Duration;

use bus::Slot;
use worker::Progress;

use super::postgres::{database, open};
use super::{TestClock, ends};
use crate::ground::{Connections, Failure, Terms};
use crate::testing::connect;

/// Of whose end its member has not heard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_still_under_way_is_waited_for_before_it_is_said_where_slots_stand() {
    let (database, clock) = (database().await, TestClock::new());
    let (store, slot) = (open(&database, &clock).await, Slot::new("okr.events", 0));
    store.assign("alerts", std::slice::from_ref(&slot)).await.unwrap();
    let other = connect(&database.url).await.unwrap();
    other.batch_execute("BEGIN; UPDATE router_progress SET next_offset = 7").await.unwrap();
    let asked = tokio::spawn(async move { store.standings("alerts", &[slot]).await.unwrap() });
    let waiting = "SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let somebody_waits = async {
        while !asked.is_finished() && other.query(waiting, &[]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    ends(somebody_waits).await;
    assert!(!asked.is_finished(), "nobody was waited for");
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(ends(asked).await.unwrap()[0].next, 7);
}

/// Waiting does not mend it, and nobody would be told why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_connection_cannot_be_prepared_with_is_told() {
    let database = database().await;
    let statement_max = Duration::from_secs(5);
    let terms = Terms { connections_max: 1, statement_max, settings: "SET nonsense = 1;".to_owned() };
    let refused = Connections::on(&database.url, terms).unwrap().get().await.map(drop).unwrap_err();
    assert!(matches!(&refused, Failure::Broken(why) if why.contains("nonsense")), "{refused:?}");
}
