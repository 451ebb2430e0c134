//! A backlog, targets that never answer and handlers that hang: memory stays where its bounds are.

use std::{fmt::Write, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use bus::{OutRecord, Producer, ReadFrom, Reader, Settings};
use okr_tests::{Answer, Role, check_in, until};
use store::testing::connect;

use crate::world::{SOON, TARGETS, World, postgres};

/// Records of the everyday run, and of one with `OKR_TEST_LONG=1`.
const RECORDS: (u32, u32) = (200_000, 1_000_000);
/// Of `okr.events`.
const PARTITIONS: u32 = 12;
const BATCH: u32 = 10_000;
const SUBJECTS: u32 = 100_000;
const MEMORY_MAX: u64 = 160_000_000;
/// Looks in a row that must find the same before it counts as standing still.
const STILL: u32 = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_and_hanging_handlers_keep_a_member_within_its_bounds() -> Result<()> {
    let (_cluster, database) = postgres().await?;
    let world = World::on(&database.url).await?;
    for target in 0..TARGETS {
        world.receiver.always(&format!("/t{target}"), Answer::Hang(Duration::from_secs(3_600)));
    }
    let records =
        if std::env::var("OKR_TEST_LONG").is_ok_and(|text| text == "1") { RECORDS.1 } else { RECORDS.0 };
    let bytes = pile_up(&world, records).await?;

    let member = world.stack.start("notifier")?;
    let planned = async || member.metric("okr_outbox_planned_rows_total", "").await.unwrap_or_default();
    let more = async |rows: f64| {
        let goal = planned().await + rows;
        until("planned rows", 2 * SOON, async || (planned().await >= goal).then_some(())).await
    };
    let mut planning = Vec::new();
    for _ in 0..4 {
        more(10_000.0).await?;
        planning.push(member.memory()? / 1_000_000);
    }
    // Now every handler hangs as well.
    let client = connect(&database.url).await.map_err(|error| anyhow!(error))?;
    client.batch_execute("BEGIN; LOCK TABLE router_effects IN ACCESS EXCLUSIVE MODE").await?;
    let unfinished = stands_still(&member).await?;
    client.batch_execute("ROLLBACK").await?;
    more(3_000.0).await?;
    // What all handlers did at once when they were let go belongs to it.
    let peak = member.memory_peak()?;
    println!(
        "{records} records of {bytes} bytes: resident {planning:?} MB after each 10,000 planned rows, at most {} MB \
         with {unfinished} unfinished records and every handler hanging",
        peak / 1_000_000,
    );
    ensure!(member.ended().is_none(), "{}", member.tail());
    ensure!(peak < MEMORY_MAX, "it took {peak} bytes of memory");
    Ok(())
}

/// Waits until the worker's bound is reached: as many unfinished records at each look, all handlers out, and statements
/// that ran out of time and were tried again.
async fn stands_still(member: &Role) -> Result<u32> {
    let failed = member.metric("okr_store_calls_total", "store_unavailable").await?;
    let (mut before, mut still) = (0.0, 0);
    let mut look = async || {
        let unfinished = member.metric("okr_worker_unfinished_records", "service=\"notifier\"").await.ok()?;
        still = if unfinished > 0.0 && (unfinished - before).abs() < 0.5 { still + 1 } else { 0 };
        before = unfinished;
        let again = member.metric("okr_store_calls_total", "store_unavailable").await.ok()? > failed;
        let out = member.metric("okr_worker_in_flight_records", "service=\"notifier\"").await.ok()?;
        (still >= STILL && again && out > 200.0).then_some(unfinished)
    };
    let begin = std::time::Instant::now();
    loop {
        if let Some(unfinished) = look().await {
            return Ok(unfinished as u32);
        }
        ensure!(begin.elapsed() < 2 * SOON, "its unfinished records do not stand still at a bound");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// So many events of as many ids on the topic, each as the gateway makes them. Gives the bytes of one.
async fn pile_up(world: &World, records: u32) -> Result<usize> {
    let gateway = world.stack.role("gateway").await?;
    let subject = subject(0);
    world.sender.accepted("msg-0", &check_in("load", &subject, 0)).await?;
    gateway.term(SOON).await?;
    let mut settings = Settings::new(vec![world.kafka.address().to_owned()], "okr-tests");
    let mut reader = Reader::open(&settings, "okr.events", ReadFrom::Earliest).await?;
    let model = reader.next().await?;
    let id = model.headers.get_str("ce_id").context("no ce_id")?.to_owned();
    settings.linger = Duration::from_millis(20);
    settings.produce_queue_bytes = 256 << 20;
    let producer = Producer::new(&settings, SOON)?;
    producer.warm(&["okr.events"]).await?;
    let mut text = String::new();
    for batch in (1..=records).step_by(BATCH as usize) {
        let mut deliveries = Vec::new();
        for number in batch..(batch + BATCH).min(records + 1) {
            text.clear();
            write!(text, "00000000-0000-5000-8000-{number:012x}")?;
            let with = |bytes: &bytes::Bytes| {
                let renamed = replaced(bytes, id.as_bytes(), text.as_bytes());
                let (old, new) = (&subject, self::subject(number % SUBJECTS));
                bytes::Bytes::from(replaced(&renamed, old.as_bytes(), new.as_bytes()))
            };
            let headers = model.headers.iter().map(|(name, value)| (name.to_owned(), value.map(with)));
            let record = OutRecord {
                topic: "okr.events".into(),
                partition: i32::try_from(number % PARTITIONS)?,
                key: model.key.as_ref().map(with),
                value: model.value.as_ref().map(with),
                headers: headers.collect(),
            };
            deliveries.push(producer.enqueue(record)?);
        }
        for delivery in deliveries {
            delivery.await?;
        }
    }
    Ok(model.size())
}

/// All of the same length, so that nothing else of a record changes.
fn subject(number: u32) -> String {
    format!("kr-of-the-backlog-{number:07}")
}

/// `bytes` with each `old` as `new`, which is as long.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut found = bytes.to_vec();
    let mut at = 0;
    while at + old.len() <= found.len() {
        if found[at..].starts_with(old) {
            found[at..at + new.len()].copy_from_slice(new);
            at += new.len();
        } else {
            at += 1;
        }
    }
    found
}
