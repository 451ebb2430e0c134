//! `POST /in/{source}/batch`: the same rows for many deliveries under one signature.

use anyhow::{Context, Result, ensure};
use okr_tests::{post, sign};
use serde_json::{Value, json};

use crate::world::{World, check_in, ids, okr, problem, secret};

const LINES: (&str, &str) = ("content-type", "application/x-ndjson");
const EVENTS: (&str, &str) = ("content-type", "application/cloudevents-batch+json");

fn items(answer: &Value) -> Result<&Vec<Value>> {
    let items = answer["items"].as_array().with_context(|| format!("no items: {answer}"))?;
    ensure!(items.iter().all(|item| item["status"] == 202), "{answer}");
    Ok(items)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_item_is_durable() -> Result<()> {
    let world = World::shared().await?;
    let body = format!("[{},\n {}]", check_in("kr-many", 21), check_in("kr-many", 22));
    let headers = sign::standard_webhooks(&secret(), "msg-many", sign::now(), body.as_bytes())?;
    let first = post(&world.door("acme/batch"), &headers, body.clone()).await?.json();
    let all: Vec<String> = items(&first)?.iter().flat_map(ids).collect();
    ensure!(all.len() == 2 && all[0] != all[1], "{first}");
    world.keeps("kr-many", [2, 2, 0]).await?;
    world.keeps("acme/msg-many#", [0, 2, 0]).await?;
    // The same bytes again: the same ids, and nothing new.
    let headers = sign::standard_webhooks(&secret(), "msg-many", sign::now(), body.as_bytes())?;
    let again = post(&world.door("acme/batch"), &headers, body).await?.json();
    let repeated: Vec<String> = items(&again)?.iter().flat_map(ids).collect();
    ensure!(repeated == all && items(&again)?.iter().all(|item| item["duplicates"] == 1), "{again}");
    world.keeps("kr-many", [2, 2, 0]).await?;
    world.keeps("acme/msg-many#", [0, 2, 0]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_item_is_held_and_does_not_fail_the_others() -> Result<()> {
    let world = World::shared().await?;
    let alone = world.put("tracker", &[], okr("d-mixed-1", "o-mixed").to_string()).await?.json();
    let nothing = json!({ "id": "d-mixed-3", "type": "heartbeat.sent" });
    let lines = format!(
        "{}\r\n{{\"id\":\"d-mixed-2\",\n\n{nothing}\n{}\n",
        okr("d-mixed-1", "o-mixed"),
        okr("d-mixed-4", "o-mixed")
    );
    let reply = world.put("tracker/batch", &[LINES], lines).await?;
    let answer = reply.json();
    let told: Vec<_> = items(&answer)?
        .iter()
        .map(|item| {
            (ids(item).len(), item["duplicates"].as_u64(), item["held"].as_u64(), item["reason"].as_str())
        })
        .collect();
    let expected = [
        (1, Some(1), Some(0), None),
        (0, Some(0), Some(1), Some("not_json")),
        (0, Some(0), Some(0), None),
        (1, Some(0), Some(0), None),
    ];
    ensure!(reply.status == 202 && told == expected, "{} {answer}", reply.status);
    ensure!(ids(&items(&answer)?[0]) == ids(&alone), "alone or in a batch, it is the same delivery");
    world.keeps("o-mixed", [2, 2, 0]).await?;
    world.keeps("tracker/d-mixed", [0, 3, 0]).await?;
    world.keeps("d-mixed-2", [0, 1, 1]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_cloudevents_gives_an_answer_per_event_here_and_one_on_the_plain_path() -> Result<()> {
    let world = World::shared().await?;
    let event = |id: &str| {
        json!({ "specversion": "1.0", "id": id, "source": "/grid", "type": "okr.objective.updated",
            "data": { "subject": { "id": "o-grid" }, "progress": 0.5 } })
    };
    let body = json!([event("e-1"), event("e-2")]).to_string();
    let plain = world.put("events", &[EVENTS], body.clone()).await?.json();
    ensure!(ids(&plain).len() == 2, "{plain}");
    let batch = world.put("events/batch", &[EVENTS], body).await?.json();
    let all: Vec<String> = items(&batch)?.iter().flat_map(ids).collect();
    ensure!(all == ids(&plain), "an event keeps its id: {batch} {plain}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_garbage_and_too_much() -> Result<()> {
    let world = World::shared().await?;
    let reply = world.put("tracker/batch", &[], "[]").await?;
    ensure!(reply.status == 202 && reply.json() == json!({ "items": [] }), "{}", reply.text());
    let answer = world.put("tracker/batch", &[], "garbage-of-a-batch").await?.json();
    let held = items(&answer)?;
    ensure!(held.len() == 1 && held[0]["held"] == 1 && held[0]["reason"] == "not_batch", "{answer}");
    let many = format!("[{}1]", "1,".repeat(1_000));
    let reply = world.put("tracker/batch", &[], many).await?;
    problem("1,001 items", &reply, 413)?;
    ensure!(reply.text().contains("at most 1000 items"), "{}", reply.text());
    // As many as are allowed go through, all of them events, in one answer.
    let most: Vec<Value> = (0..1_000)
        .map(|nth| json!({ "id": format!("m{nth}"), "type": "custom.updated", "subject": { "id": "most" } }))
        .collect();
    let body = json!(most).to_string();
    let reply = world.put("tracker/batch", &[], gzip(&body)?).await?;
    ensure!(reply.status == 202, "not announced as gzip it is garbage, and held: {}", reply.text());
    let reply = world.put("tracker/batch", &[("content-encoding", "gzip")], gzip(&body)?).await?;
    let answer = reply.json();
    let accepted = items(&answer)?.iter().filter(|item| ids(item).len() == 1).count();
    ensure!(accepted == 1_000, "{accepted} of 1,000 were accepted: {}", reply.status);
    Ok(())
}

fn gzip(text: &str) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes())?;
    Ok(encoder.finish()?)
}
