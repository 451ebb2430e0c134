//! The tables filled anew from the topic: under live traffic on Postgres, and on a file whose role is stopped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use bus::{Headers, OutRecord, Producer, Settings, place};
use bytes::Bytes;
use futures::future::try_join_all;
use jiff::Timestamp;
use okr::{Change, OkrEvent, Source, Subject, SubjectType};
use okr_tests::{Python, until};
use serde_json::Value;
use store::testing::{Cluster, connect};

use crate::world::{PARTITIONS, SOON, World};

/// Events of the everyday run, and of one with `OKR_TEST_LONG=1`.
const EVENTS: (u64, u64) = (30_000, 1_000_000);
const SUBJECTS: u64 = 2_000;
const BLOCK: u64 = 5_000;
/// Members as they run outside of tests.
const BATCH: [(&str, &str); 2] =
    [("OKR_ROUTER__WORKER__BATCH__RECORDS_MAX", "5000"), ("OKR_ROUTER__WORKER__QUEUE_RECORDS_MAX", "20000")];

/// The rows of the old generation are marked: in whichever table somebody looks, all are marked or none.
const MARK: &str = "UPDATE okr.okr_state SET team = 'old' WHERE subject_namespace = 'bulk';
    UPDATE okr.okr_events SET team = 'old' WHERE subject_namespace = 'bulk'";
const LOOK: &str = "SELECT
    (SELECT count(*) FROM okr.okr_state WHERE subject_namespace = 'bulk'),
    (SELECT count(*) FROM okr.okr_state WHERE team = 'old'),
    (SELECT count(*) FROM okr.okr_key_results WHERE team = 'old'),
    (SELECT count(*) FROM okr.okr_events WHERE subject_namespace = 'bulk'),
    (SELECT count(*) FROM okr.okr_events WHERE team = 'old')";
const EPOCHS: &str = "SELECT sum(epoch)::bigint FROM okr.okr_sink_offsets";

const APPLY: [&str; 5] = ["--apply", "--who", "ops", "--why", "rows were damaged"];

fn events() -> u64 {
    if std::env::var("OKR_TEST_LONG").is_ok_and(|text| text == "1") { EVENTS.1 } else { EVENTS.0 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_under_live_traffic_is_seen_whole_and_costs_members_a_moment() -> Result<()> {
    let cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    let database = cluster.database().await.map_err(|error| anyhow!(error))?;
    let world = World::start(Some(&database.url)).await?;
    let migrated = world.stack.command(&["warehouse", "migrate", "--apply"]).await?;
    ensure!(migrated.code == 0, "{}", migrated.stderr);
    let bulk = events();
    produce(&world, bulk).await?;
    let members =
        [world.stack.start_with("warehouse", &BATCH)?, world.stack.start_with("warehouse", &BATCH)?];
    for member in &members {
        member.ready().await?;
        // The one that came first gives up half of what it had; that is no matter of the rebuild.
        let shares = async || {
            let held = member.metric("okr_worker_assigned_partitions", "warehouse").await.ok()?;
            (held as i32 == PARTITIONS / 2).then_some(())
        };
        until("a share of the partitions", SOON, shares).await?;
    }
    contained(&world).await?;
    let client = connect(&database.url).await.map_err(|error| anyhow!(error))?;
    client.batch_execute(MARK).await?;
    let dry = rebuild(&world, &[]).await?.0;
    ensure!(dry["applied"] == false && dry["expired"] == 0 && dry["topic"]["records"] == bulk, "{dry}");
    ensure!(
        client.query_one(LOOK, &[]).await?.get::<_, i64>(4) == bulk as i64,
        "a dry run has changed something"
    );

    let feed = world.feed()?;
    world.more_rows(200).await?;
    let epochs: i64 = client.query_one(EPOCHS, &[]).await?.get(0);
    let stop = Arc::<AtomicBool>::default();
    let asked = Arc::clone(&stop);
    let reader = tokio::spawn(async move {
        let mut seen = Vec::new();
        while !asked.load(Ordering::SeqCst) {
            let row = client.query_one(LOOK, &[]).await?;
            seen.push((0..5).map(|at| row.get::<_, i64>(at)).collect::<Vec<_>>());
        }
        anyhow::Ok((seen, client))
    });
    let (said, words) = rebuild(&world, &APPLY).await?;
    let done = Instant::now();
    let rebuilt = &said["rebuilt"];
    ensure!(rebuilt["before"] == rebuilt["after"] && rebuilt["lost"] == 0, "{rebuilt}{words}");
    let lag = async || world.status().await.ok()?.0["lag"].as_i64().filter(|lag| *lag < 2_000);
    let lag = until("a lag as before", SOON, lag).await?;
    let recovered = done.elapsed();
    stop.store(true, Ordering::SeqCst);
    let (seen, client) = reader.await??;
    let (subjects, rows) = (SUBJECTS as i64, bulk as i64);
    let is_whole = |row: &&Vec<i64>| {
        *row == &[subjects, subjects, subjects, rows, rows] || *row == &[subjects, 0, 0, rows, 0]
    };
    ensure!(seen.iter().all(|row| is_whole(&row)), "half: {:?}", seen.iter().find(|row| !is_whole(row)));
    ensure!(
        seen.first().is_some_and(|row| row[1] > 0) && seen.last().is_some_and(|row| row[1] == 0),
        "{seen:?}"
    );
    let now: i64 = client.query_one(EPOCHS, &[]).await?.get(0);
    ensure!(now == epochs, "members have left: epochs {epochs} and {now}");

    world.more_rows(500).await?;
    let fed = feed.stop().await?;
    let status = contained(&world).await?;
    ensure!(
        status["events"] == fed.ids.len() as u64 + bulk && status["gaps"] == 0,
        "{} + {bulk}: {status}",
        fed.ids.len()
    );
    ensure!(status["subjects"] == SUBJECTS + 60, "{status}");
    let (buried, letters) = world.buried().await?;
    ensure!(buried == fed.poison && letters == buried.len(), "{letters} letters of {:?}", fed.poison);
    let made: i64 =
        client.query_one("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^okr_'", &[]).await?.get(0);
    ensure!(made == 0, "something is left behind");
    for member in &members {
        ensure!(member.ended().is_none(), "a member ended by itself: {}", member.tail());
        ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    }
    println!("{}; {} looks; lag {lag} after {recovered:.1?}; {words}", said["rebuilt"], seen.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_rebuilt_once_its_role_is_stopped_and_loses_nothing_by_itself() -> Result<()> {
    let world = World::start(None).await?;
    produce(&world, 5_000).await?;
    let member = world.member().await?;
    contained(&world).await?;
    let (dry, words) = rebuild(&world, &[]).await?;
    ensure!(
        dry["applied"] == false && words.contains("`okr-router warehouse` (or `dev`) is stopped"),
        "{words}"
    );
    let (_, words) = rebuild(&world, &APPLY).await?;
    ensure!(words.contains("stop `okr-router warehouse`"), "{words}");
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    let (said, words) = rebuild(&world, &APPLY).await?;
    ensure!(said["rebuilt"]["after"] == 5_000 && said["rebuilt"]["lost"] == 0, "{said}{words}");

    let expired = r#"{"partitions":[{"topic":"okr.events","partition":0,"offset":10}],"version":1}"#;
    let file = world.stack.folder().join("expired.json");
    std::fs::write(&file, expired)?;
    let file = file.display().to_string();
    world.kafka.tool("org.apache.kafka.tools.DeleteRecordsCommand", &["--offset-json-file", &file]).await?;
    let (dry, words) = rebuild(&world, &[]).await?;
    ensure!(dry["expired"] == 10 && words.contains("--accept-loss"), "{dry}{words}");
    let (_, words) = rebuild(&world, &APPLY).await?;
    ensure!(words.contains("10 rows of okr_events"), "{words}");
    ensure!(world.status().await?.0["events"] == 5_000, "a refusal has changed something");
    let (said, words) = rebuild(&world, &[&APPLY[..], &["--accept-loss"]].concat()).await?;
    ensure!(said["rebuilt"]["after"] == 4_990 && said["rebuilt"]["lost"] == 10, "{said}{words}");
    noted(&world).await?;

    let member = world.member().await?;
    produce(&world, 5_100).await?;
    let status = contained(&world).await?;
    // What was given up has come again, for it was produced again.
    ensure!(status["events"] == 5_100 && status["gaps"] == 0, "{status}");
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    Ok(())
}

/// Who, why and how much; what was refused was never begun.
async fn noted(world: &World) -> Result<()> {
    let (broker, registry) = world.servers();
    let entries = Python::read_all(broker, registry, "okr.audit").await?;
    let entries: Vec<&Value> = entries.iter().map(|record| &record["value"]).collect();
    let stages: Vec<&Value> = entries.iter().map(|entry| &entry["stage"]).collect();
    ensure!(stages == ["begun", "finished", "begun", "finished"], "{entries:?}");
    for entry in &entries {
        let is_said = entry["who"] == "ops" && entry["why"] == "rows were damaged";
        ensure!(is_said && entry["verb"] == "warehouse_rebuild" && entry["object"] == "warehouse", "{entry}");
    }
    ensure!(entries[0]["run"] == entries[1]["run"] && entries[1]["run"] != entries[2]["run"], "{entries:?}");
    ensure!(
        entries[1]["details"]["loss"].is_null() && entries[3]["details"]["loss"] == "accepted",
        "{entries:?}"
    );
    let counts = &entries[3]["counts"];
    ensure!(counts["rows"] == 4_990 && counts["lost"] == 10 && counts["records"] == 4_990, "{entries:?}");
    Ok(())
}

/// What it says to programs and to people.
async fn rebuild(world: &World, options: &[&str]) -> Result<(Value, String)> {
    let words: Vec<&str> = ["warehouse", "rebuild", "--json"].iter().chain(options).copied().collect();
    let done = world.stack.command(&words).await?;
    let said = serde_json::from_str(&done.stdout).unwrap_or_default();
    ensure!(done.code == 0 || !done.stderr.is_empty(), "it ended with {} and said nothing", done.code);
    Ok((said, done.stderr))
}

/// As `all_contained`, with a patience for many.
async fn contained(world: &World) -> Result<Value> {
    let done = async || {
        let (said, is_well) = world.status().await.ok()?;
        (is_well && said["lag"] == 0).then_some(said)
    };
    until("a lag of zero", SOON.max(Duration::from_millis(events())), done).await
}

/// The first so many events, as fast as they are taken.
async fn produce(world: &World, count: u64) -> Result<()> {
    let producer = Producer::new(&Settings::new(vec![world.kafka.address().to_owned()], "okr-tests"), SOON)?;
    let encoder = wire::Registry::new(&world.stack.world().registry, SOON)?.encoder();
    producer.warm(&["okr.events"]).await?;
    for begin in (0..count).step_by(BLOCK as usize) {
        let mut block = Vec::new();
        for number in begin..(begin + BLOCK).min(count) {
            let event = event(number)?;
            let key = okr::subject_key(&event.subject);
            let partition = place::partition(key.as_bytes(), PARTITIONS);
            let (key, value) = (Some(Bytes::from(key)), Some(encoder.event(&event).await?));
            block.push(OutRecord {
                topic: "okr.events".into(),
                partition,
                key,
                value,
                headers: Headers::new(),
            });
        }
        try_join_all(block.into_iter().map(|record| producer.send(record))).await?;
    }
    ensure!(producer.close(SOON).await == 0, "records without a receipt");
    Ok(())
}

fn event(number: u64) -> Result<OkrEvent> {
    let subject = format!("kr-{}", number % SUBJECTS);
    let id = okr::event_id("bulk", &number.to_string(), &format!("bulk/key_result/{subject}"), 0);
    let source = Source {
        name: "bulk".to_owned(),
        kind: "okr".to_owned(),
        delivery_id: Some(number.to_string()),
        sequence: Some(number as i64),
    };
    let of = Subject {
        kind: SubjectType::KeyResult,
        namespace: "bulk".to_owned(),
        id: subject,
        parent_id: None,
        title: Some(format!("Grow by {}", number % SUBJECTS)),
        url: None,
    };
    // Ten minutes apart for each subject's turn: a million of them are some days.
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    let minutes = i64::try_from(number / SUBJECTS * 10).context("a number of minutes")?;
    let mut event =
        OkrEvent::new(id, begin + jiff::SignedDuration::from_mins(minutes), source, Change::CheckedIn, of);
    event.progress = Some((number % 100) as f64 / 100.0);
    event.department = Some("sales".to_owned());
    Ok(event)
}
