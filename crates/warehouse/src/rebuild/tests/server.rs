//! What others do on a shared database while it is rebuilt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use store::testing::connect;
use tokio_postgres::Client;

use super::super::run::{make, renew};
use super::super::{Notice, RebuildError, abandon};
use super::log::Log;
use super::{history, rebuild};
use crate::migrate::{Migration, Step, postgres::STEPS};
use crate::tests::bench::Bench;
use crate::tests::history::at;
use crate::tests::postgres::database;
use crate::tests::reference;

pub async fn filled(log: &Log) -> (Bench, Client) {
    let bench = Bench::postgres(database().await).await;
    drop(log.member(&bench.target).await);
    let client = connect(&bench.place.url).await.unwrap();
    client.batch_execute("SET search_path = okr").await.unwrap();
    (bench, client)
}

pub async fn one(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Waits for it, and fails where it does not come.
pub async fn soon(is_there: impl AsyncFn() -> bool) {
    let waits = async {
        while !is_there().await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(120), waits).await.expect("it did not come");
}

/// A member, a producer and a reader go on; the reader sees the old rows or the new ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exchange_is_seen_whole_by_readers_and_not_at_all_by_members() {
    let event = |n: u32| at(&format!("kr-{}", n % 40), n, n.into(), f64::from(n % 10) / 10.0);
    let log = Log::of(&(0..3_000).map(|n| ((n % 3) as i32, event(n))).collect::<Vec<_>>());
    let (bench, client) = filled(&log).await;
    client
        .batch_execute("UPDATE okr_state SET team = 'old'; UPDATE okr_events SET team = 'old'")
        .await
        .unwrap();
    let live = log.live(&bench.target).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (asked, writes) = (Arc::clone(&stop), log.clone());
    let producer = tokio::spawn(async move {
        let mut n = 3_000;
        while !asked.load(Ordering::SeqCst) {
            (0..20).for_each(|more| writes.add(((n + more) % 3) as i32, Some(event(n + more))));
            n += 20;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    let asked = Arc::clone(&stop);
    let reader = tokio::spawn(async move {
        let sql = "SELECT (SELECT count(*) FROM okr_state), (SELECT count(*) FROM okr_state WHERE team = 'old'),
            (SELECT count(*) FROM okr_key_results WHERE team = 'old'), (SELECT count(*) FROM okr_events WHERE team = 'old')";
        let mut seen = Vec::new();
        while !asked.load(Ordering::SeqCst) {
            let row = client.query_one(sql, &[]).await.unwrap();
            seen.push((0..4).map(|at| row.get::<_, i64>(at)).collect::<Vec<_>>());
        }
        seen
    });
    let rebuilt = rebuild(&bench, &log, false, &|_| {}).await.unwrap();
    stop.store(true, Ordering::SeqCst);
    producer.await.unwrap();
    live.stop().await;
    let seen = reader.await.unwrap();
    let is_one = |row: &Vec<i64>| row == &[40, 40, 40, 3_000] || row == &[40, 0, 0, 0];
    assert!(seen.iter().all(is_one), "{:?}", seen.iter().find(|row| !is_one(row)));
    assert!(
        seen.first().unwrap()[1] == 40 && seen.last().unwrap()[1] == 0,
        "the reader saw one generation alone"
    );
    assert!(rebuilt.records >= 3_000 && log.all().len() > 3_000);
    reference::check(&bench, &log.all()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_query_is_waited_for_and_holds_up_members_for_moments_alone() {
    let log = Log::of(&history());
    let (bench, client) = filled(&log).await;
    client.batch_execute("BEGIN; SELECT count(*) FROM okr_key_results").await.unwrap();
    let waited = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&waited);
    let tell = move |notice: Notice| {
        if let Notice::Waiting(why) = notice {
            heard.lock().unwrap().get_or_insert(why);
        }
    };
    let (rebuilt, ()) = tokio::join!(rebuild(&bench, &log, false, &tell), async {
        soon(async || waited.lock().unwrap().is_some()).await;
        // It was given up, so that others go on: a member, too.
        log.add(0, Some(at("kr-0", 800, 8_000, 0.5)));
        drop(log.member(&bench.target).await);
        client.batch_execute("COMMIT").await.unwrap();
    });
    rebuilt.unwrap();
    reference::check(&bench, &log.all()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_on_the_tables_comes_along_or_is_told_before() {
    let log = Log::of(&history());
    let (bench, client) = filled(&log).await;
    let reader = format!("reader_{}", uuid::Uuid::now_v7().simple());
    let ours = format!(
        "CREATE ROLE {reader}; GRANT USAGE ON SCHEMA okr TO {reader}; GRANT SELECT ON okr_state TO {reader};
         GRANT SELECT (event_id, change) ON okr_events TO {reader} WITH GRANT OPTION; GRANT SELECT ON okr_key_results TO {reader};
         CREATE SCHEMA charts; CREATE VIEW charts.titles WITH (security_barrier = true) AS
             SELECT subject_title, count(*) AS events FROM okr.okr_events GROUP BY subject_title;
         CREATE VIEW charts.on_views AS SELECT count(*) AS all FROM okr.okr_key_results;
         CREATE INDEX okr_events_team ON okr_events (team); ALTER TABLE okr_events SET (autovacuum_enabled = false)"
    );
    client.batch_execute(&ours).await.unwrap();
    client.batch_execute("UPDATE okr_events SET subject_title = 'damaged'").await.unwrap();
    client
        .batch_execute(
            "CREATE MATERIALIZED VIEW charts.kept AS SELECT * FROM okr.okr_state;
             CREATE TABLE charts.noted (state okr.okr_state);
             CREATE FUNCTION charts.recent() RETURNS SETOF okr.okr_events LANGUAGE sql AS 'SELECT * FROM okr.okr_events'",
        )
        .await
        .unwrap();
    let refused = rebuild(&bench, &log, false, &|_| {}).await.unwrap_err();
    let strangers = [
        "column state of table charts.noted: ALTER TABLE charts.noted DROP COLUMN state",
        "function charts.recent(): DROP ROUTINE charts.recent()",
        "materialized view charts.kept: DROP MATERIALIZED VIEW charts.kept",
    ];
    assert!(matches!(&refused, RebuildError::Strangers(all) if all == &strangers), "{refused}");
    let away = "DROP MATERIALIZED VIEW charts.kept; DROP TABLE charts.noted; DROP FUNCTION charts.recent()";
    client.batch_execute(away).await.unwrap();
    // Rights that new tables get by default, and that were not given for these.
    client
        .batch_execute(&format!("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {reader}"))
        .await
        .unwrap();
    rebuild(&bench, &log, false, &|_| {}).await.unwrap();
    let damaged = "SELECT count(*) FROM charts.titles WHERE subject_title = 'damaged'";
    assert_eq!(one(&client, damaged).await, 0);
    let kept = "SELECT count(*) FROM pg_class WHERE (relname = 'titles' AND reloptions = '{security_barrier=true}')
        OR (relname = 'okr_events' AND relnamespace = 'okr'::regnamespace AND 'autovacuum_enabled=false' = ANY(reloptions))
        OR (relname = 'okr_events_team' AND relnamespace = 'okr'::regnamespace)";
    assert_eq!(one(&client, kept).await, 3);
    assert_eq!(one(&client, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'okr\\_%'").await, 0);
    let as_reader = format!("SET ROLE {reader}");
    client.batch_execute(&as_reader).await.unwrap();
    one(&client, "SELECT count(*) FROM okr_state").await;
    one(&client, "SELECT count(change) FROM okr_events").await;
    one(&client, "SELECT count(*) FROM okr_key_results").await;
    assert!(
        client.query_one("SELECT count(note) FROM okr_events", &[]).await.is_err(),
        "more than it was given"
    );
    client.batch_execute(&format!("RESET ROLE; DROP OWNED BY {reader}; DROP ROLE {reader}")).await.unwrap();
    reference::check(&bench, &log.all()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_rebuild_at_a_time_and_none_over_what_others_did_meanwhile() {
    let log = Log::of(&history());
    let (bench, client) = filled(&log).await;
    let (mut site, fresh) = make(&bench.place).await.unwrap();
    let second = make(&bench.place).await.map(drop).unwrap_err();
    assert!(matches!(second, RebuildError::UnderWay), "{second}");
    assert!(matches!(abandon(&bench.place).await.unwrap_err(), RebuildError::UnderWay));
    let more = Step {
        version: STEPS.len() as i64 + 1,
        name: "region",
        sql: "ALTER TABLE okr_events ADD COLUMN region text",
    };
    let steps: Vec<Step> = STEPS.iter().copied().chain([more]).collect();
    let mut migrator = connect(&bench.place.url).await.unwrap();
    Migration::of("okr", &steps).apply(&mut migrator).await.unwrap();
    let overtaken =
        renew(&mut *site, fresh, log.parts(), (&log.outlook(), false), &|_| {}).await.unwrap_err();
    assert!(matches!(overtaken, RebuildError::Overtaken(why) if why.contains("migrated")), "{overtaken}");
    site.clear().await.unwrap();
    // Nothing of it is left, and nobody is locked out.
    assert_eq!(one(&client, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'okr\\_%'").await, 0);
    client.batch_execute("ALTER TABLE okr_events DROP COLUMN region").await.unwrap();
    log.add(0, Some(at("kr-0", 800, 8_000, 0.5)));
    drop(log.member(&bench.target).await);
    reference::check(&bench, &log.all()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_forgotten_meanwhile_does_not_come_back() {
    let log = Log::of(&history());
    let (bench, client) = filled(&log).await;
    let forget = "INSERT INTO okr_erasures (token, salt, kind, run) VALUES ($1, $1, 'person', 'run 1')";
    let tokens: [Vec<u8>; 2] = [vec![1; 32], vec![2; 32]];
    client.execute(forget, &[&tokens[0]]).await.unwrap();
    let (mut site, fresh) = make(&bench.place).await.unwrap();
    assert_eq!(
        one(&client, "SELECT count(*) FROM okr_rebuild.okr_erasures").await,
        1,
        "the list is not gone by"
    );
    client.execute(forget, &[&tokens[1]]).await.unwrap();
    let overtaken =
        renew(&mut *site, fresh, log.parts(), (&log.outlook(), false), &|_| {}).await.unwrap_err();
    assert!(matches!(overtaken, RebuildError::Overtaken(why) if why.contains("forgotten")), "{overtaken}");
    site.clear().await.unwrap();
}

/// All connections are cut when everything is read; the rebuild goes on, and is still the only one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_are_made_again() {
    let log = Log::of(&history());
    let (bench, client) = filled(&log).await;
    let (mut site, fresh) = make(&bench.place).await.unwrap();
    let cut = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'okr-router'";
    assert!(one(&client, cut).await > 1);
    renew(&mut *site, fresh, log.parts(), (&log.outlook(), false), &|_| {}).await.unwrap();
    assert!(matches!(abandon(&bench.place).await.unwrap_err(), RebuildError::UnderWay));
    site.clear().await.unwrap();
    drop(site);
    // Cut once more, with another rebuild in between: what it made is not exchanged.
    let (mut site, fresh) = make(&bench.place).await.unwrap();
    one(&client, cut).await;
    assert!(abandon(&bench.place).await.unwrap());
    drop(make(&bench.place).await.unwrap());
    let overtaken =
        renew(&mut *site, fresh, log.parts(), (&log.outlook(), false), &|_| {}).await.unwrap_err();
    assert!(
        matches!(overtaken, RebuildError::Overtaken(why) if why.contains("another rebuild")),
        "{overtaken}"
    );
    reference::check(&bench, &log.all()).await.unwrap();
}

/// A schema of the name that a rebuild needs, and that it did not make, is left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_made_is_never_taken_away() {
    let log = Log::of(&[(0, at("kr", 1, 0, 0.1))]);
    let (bench, client) = filled(&log).await;
    client
        .batch_execute("CREATE SCHEMA okr_rebuild; CREATE TABLE okr_rebuild.mine (a integer)")
        .await
        .unwrap();
    for refused in
        [make(&bench.place).await.map(drop).unwrap_err(), abandon(&bench.place).await.map(drop).unwrap_err()]
    {
        assert!(matches!(&refused, RebuildError::Taken(name) if name == "okr_rebuild"), "{refused}");
    }
    assert_eq!(one(&client, "SELECT count(*) FROM okr_rebuild.mine").await, 0);
}
