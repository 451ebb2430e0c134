//! Rows that are answered 202: what is told, and what is kept.

use anyhow::{Context, Result, ensure};
use okr_tests::{Python, until};
use serde_json::json;

use crate::world::{SOON, World, check_in, ids, okr};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_acknowledged() -> Result<()> {
    let world = World::shared().await?;
    let answer = world.send("msg-first", &check_in("kr-first", 21)).await?.json();
    let event = &answer["accepted"][0];
    ensure!(
        answer == json!({ "accepted": [event], "duplicates": 0, "held": 0, "pending": 0 }),
        "nothing else is said: {answer}"
    );
    ensure!(event["type"] == "okr.key_result.checked_in" && event["department"] == "sales", "{event}");
    ensure!(event["partition"].as_i64().is_some_and(|partition| (0..4).contains(&partition)), "{event}");
    // The event lies where the answer says.
    let (partition, offset) = (event["partition"].as_i64(), event["offset"].as_i64());
    let (partition, offset) = (partition.context("no partition")?, offset.context("no offset")?);
    let (broker, registry) = (&world.broker, &world.registry);
    let records = Python::read_partition(broker, registry, "okr.events", partition, offset).await?;
    ensure!(records[0]["headers"]["ce_id"] == event["event_id"], "{} is not {event}", records[0]);
    world.keeps("kr-first", [1, 1, 0]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivery_already_accepted() -> Result<()> {
    let world = World::shared().await?;
    let first = world.send("msg-again", &check_in("kr-again", 21)).await?.json();
    let reply = world.send("msg-again", &check_in("kr-again", 21)).await?;
    let again = reply.json();
    ensure!(reply.status == 202 && again["duplicates"] == 1 && ids(&again) == ids(&first), "{again}");
    ensure!(
        again["accepted"][0]["duplicate"] == true && first["accepted"][0]["duplicate"].is_null(),
        "{again}"
    );
    world.keeps("kr-again", [1, 1, 0]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn same_identity_other_content() -> Result<()> {
    let world = World::shared().await?;
    world.send("msg-reused", &check_in("kr-reused", 21)).await?;
    let reply = world.send("msg-reused", &check_in("kr-reused", 22)).await?;
    ensure!(
        reply.status == 202
            && reply.json()
                == json!({ "accepted": [], "duplicates": 0, "held": 1, "pending": 0, "reason": "identity_reused" }),
        "{} {}",
        reply.status,
        reply.text()
    );
    world.keeps("kr-reused", [1, 2, 1]).await?;
    // Another time of sending is no other content.
    let mut later = check_in("kr-reused", 21);
    later["timestamp"] = "2026-11-23T09:00:01Z".into();
    let answer = world.send("msg-reused", &later).await?.json();
    ensure!(answer["duplicates"] == 1, "{answer}");
    world.keeps("kr-reused", [1, 2, 1]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verified_well_formed_nothing_for_us() -> Result<()> {
    let world = World::shared().await?;
    let heartbeat = json!({ "type": "heartbeat.sent", "timestamp": "2026-11-23T09:00:00Z", "data": { "n": "hb-nothing" } });
    let reply = world.send("msg-nothing", &heartbeat).await?;
    let expected = json!({ "accepted": [], "duplicates": 0, "held": 0, "pending": 0 });
    ensure!(reply.status == 202 && reply.json() == expected, "{} {}", reply.status, reply.text());
    world.keeps("msg-nothing", [0, 1, 0]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verified_but_not_parseable_or_not_understood() -> Result<()> {
    let world = World::shared().await?;
    for (body, word, reason) in [
        ("no json: kr-unread".to_owned(), "tracker/sha256:", "not_json"),
        (okr("d-unread", "kr-unread").to_string().replace("0.5", "\"much\""), "tracker/d-unread", "progress"),
    ] {
        let reply = world.put("tracker", &[], body).await?;
        let answer = reply.json();
        ensure!(reply.status == 202 && answer["held"] == 1 && answer["reason"] == reason, "{answer}");
        let letters = world.records("okr.dead.gateway", word).await?;
        let reasons: Vec<_> = letters.iter().map(|letter| &letter["headers"]["okr-dead-reason"]).collect();
        ensure!(reasons.iter().any(|known| **known == reason), "{word}: {reasons:?}");
    }
    world.keeps("tracker/d-unread", [0, 1, 1]).await
}

/// Without arrivals, what became events leaves none, and what is held keeps its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keep_arrivals_false_drops_the_arrival_of_what_became_events_only() -> Result<()> {
    let world = World::beside("keep_arrivals = false").await?;
    let reply = world.put("tracker", &[], okr("d-lean", "o-lean").to_string()).await?;
    ensure!(reply.status == 202, "{}", reply.text());
    world.keeps("d-lean", [1, 0, 0]).await?;
    let held = world.put("tracker", &[], okr("d-lean-held", "x").to_string().replace("\"x\"", "[1]")).await?;
    ensure!(held.json()["held"] == 1, "{}", held.text());
    world.keeps("d-lean-held", [0, 1, 1]).await
}

/// Who usually speaks and does not is told by a metric; here by hand, after a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_silent_too_long_shows_in_the_metrics() -> Result<()> {
    let world = World::shared().await?;
    let silent = async |source: &str| {
        world.gateway.metric_if("okr_source_silent", &format!("source=\"{source}\"")).await.ok().flatten()
    };
    until("silence is noticed", SOON, async || silent("quiet").await.filter(|value| *value > 0.5)).await?;
    ensure!(silent("slow").await == Some(0.0), "nothing is known of the others");
    let sent = world.put("quiet", &[], okr("d-quiet", "o-quiet").to_string()).await?;
    ensure!(sent.status == 202, "{}", sent.text());
    let last = async || {
        let name = "okr_source_last_accepted_timestamp_seconds";
        world.gateway.metric_if(name, "source=\"quiet\"").await.ok().flatten()
    };
    let last = until("the last time is shown", SOON, last).await?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs_f64();
    ensure!((now - 60.0..=now).contains(&last), "{last} is not about {now}");
    Ok(())
}
