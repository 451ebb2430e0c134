//! Slack says no for good: one dead letter for that target, and nothing else changes.

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use okr_tests::{Answer, FakeSlack, Python, check_in, until};
use serde_json::Value;

use crate::world::{Channel, SOON, World, message, requests};

const CHANNELS: &[Channel] = &[
    Channel { name: "healthy", hook: "healthy", lines: "rate = \"none\"" },
    Channel { name: "gone", hook: "gone", lines: "rate = \"none\"" },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_for_good_becomes_one_dead_letter_for_that_target() -> Result<()> {
    let world = World::kafka(CHANNELS, "").await?;
    world.slack.always(&FakeSlack::path("gone"), Answer::Status(404, "no_service"));
    let mut places = Vec::new();
    for number in 0..2 {
        let body = check_in("any", "kr-1", number);
        let answer = world.sender.accepted(&format!("msg-{number}"), &body).await?;
        let event = &answer["accepted"][0];
        let partition = event["partition"].as_i64().context("no partition")?;
        places.push((partition, event["offset"].as_i64().context("no offset")?));
    }
    world.slack.wait_for_texts("healthy", 2, SOON).await?;
    let letters = until("two dead letters", SOON, async || {
        let letters = Python::raw_all(&world.broker, "okr.dead.notifier").await.ok()?;
        (letters.len() >= 2).then_some(letters)
    })
    .await?;
    ensure!(letters.len() == 2, "one letter for each: {letters:?}");
    for (partition, offset) in places {
        let original = Python::raw(&world.broker, "okr.events", partition, offset).await?;
        let is_its = |letter: &&Value| header(letter, "okr-original-offset") == offset.to_string();
        let letter = letters.iter().find(is_its).context("no letter for it")?;
        untouched(&original, letter)?;
        for (name, value) in [
            ("okr-dead-service", "notifier".to_owned()),
            ("okr-dead-target", "gone".to_owned()),
            ("okr-dead-reason", "not_found".to_owned()),
            ("okr-dead-attempts", "1".to_owned()),
            ("okr-original-topic", "okr.events".to_owned()),
            ("okr-original-partition", partition.to_string()),
        ] {
            ensure!(header(letter, name) == value, "{name} is not {value}: {letter}");
        }
        ensure!(header(letter, "okr-dead-error").contains("no_service"), "{letter}");
    }

    // Mended, it gets what comes next, and what was given up stays given up.
    world.slack.always(&FakeSlack::path("gone"), Answer::Ok("ok"));
    world.sender.accepted("msg-2", &check_in("any", "kr-1", 2)).await?;
    let texts = world.slack.wait_for_texts("gone", 1, SOON).await?;
    ensure!(texts.len() == 1 && message(&texts[0]).1 == 2, "{texts:?}");
    let asked = requests(&world.slack, "gone").len();
    ensure!(asked == 3, "refused for good, it is not asked again: {asked} requests");
    let texts = world.slack.wait_for_texts("healthy", 3, SOON).await?;
    ensure!(texts.len() == 3, "{texts:?}");
    println!(
        "404 no_service: one attempt, one dead letter per event for that target, the next event is delivered"
    );
    Ok(())
}

/// Key and value byte for byte, and all headers of the original in their order before those of the letter.
fn untouched(original: &Value, letter: &Value) -> Result<()> {
    ensure!(original["key"] == letter["key"], "the key was touched: {letter}");
    ensure!(original["value"] == letter["value"], "the value was touched: {letter}");
    let headers = |record: &Value| record["headers"].as_array().cloned().unwrap_or_default();
    let (before, after) = (headers(original), headers(letter));
    ensure!(!before.is_empty() && after.starts_with(&before), "{before:?} is not in {after:?}");
    Ok(())
}

/// A header as text; empty when it is absent.
fn header(record: &Value, name: &str) -> String {
    let headers = record["headers"].as_array().into_iter().flatten();
    let found = headers.filter(|header| header[0] == name).filter_map(|header| header[1].as_str()).next();
    let bytes = found.and_then(|value| STANDARD.decode(value).ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
