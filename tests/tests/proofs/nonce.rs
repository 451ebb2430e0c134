//! A recorded request, sent again.

use anyhow::{Result, anyhow, ensure};
use hmac::{KeyInit, Mac};
use okr_tests::{Python, Reply, post, sign};
use store::testing::Cluster;

use crate::world::{World, pairs, refused};

const SECTION: &str = r#"
[sources.once]
kind = "okr"
[sources.once.verify]
scheme = "hmac-sha256"
header = "x-signature"
timestamp = { header = "x-timestamp" }
signed = "{{ timestamp }}.{{ headers['x-nonce'] }}.{{ body }}"
nonce = { header = "x-nonce" }
secrets = [{ env = "ONCE_SECRET" }]
"#;
const ONE: &str = r#"{"id":"once-1","type":"objective.updated","subject":{"id":"o-1"}}"#;
const OTHER: &str = r#"{"id":"once-2","type":"objective.updated","subject":{"id":"o-1"}}"#;

fn signed(nonce: &str, body: &str) -> Result<Vec<(String, String)>> {
    let time = sign::now().to_string();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"once upon a time")?;
    mac.update(format!("{time}.{nonce}.{body}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    Ok(pairs(&[("x-timestamp", &time), ("x-signature", &signature), ("x-nonce", nonce)]))
}

fn duplicate(reply: &Reply, first: &Reply) -> Result<()> {
    let (said, before) = (reply.json(), first.json());
    let same = said["accepted"][0]["event_id"] == before["accepted"][0]["event_id"];
    ensure!(
        reply.status == 202 && said["duplicates"] == 1 && same,
        "{} {said}, before {before}",
        reply.status
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_request_is_a_duplicate_everywhere_and_its_nonce_is_worth_nothing_else() -> Result<()> {
    let mut cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    let database = cluster.database().await.map_err(|error| anyhow!(error))?;
    let env = pairs(&[("ONCE_SECRET", "once upon a time")]);
    let world = World::start(SECTION.to_owned(), env, database.url.clone()).await?;
    let one = world.stack.gateway("/in/once");
    let gateway = world.stack.role("gateway").await?;
    let (_second, other) = world.second("/in/once").await?;

    let recorded = signed("n-1", ONE)?;
    let first = post(&one, &recorded, ONE).await?;
    ensure!(first.status == 202 && first.json()["duplicates"] == 0, "{} {}", first.status, first.text());
    for door in [&one, &other] {
        duplicate(&post(door, &recorded, ONE).await?, &first)?;
        refused(&post(door, &signed("n-1", OTHER)?, OTHER).await?, "another body")?;
        let mut bare = signed("n-1", OTHER)?;
        bare.retain(|(name, _)| name != "x-nonce");
        refused(&post(door, &bare, OTHER).await?, "no nonce")?;
    }
    gateway.kill9();
    let _gateway = world.stack.role("gateway").await?;
    duplicate(&post(&one, &recorded, ONE).await?, &first)?;
    refused(&post(&one, &signed("n-1", OTHER)?, OTHER).await?, "another body, after a restart")?;

    cluster.stop();
    let away = post(&one, &signed("n-2", OTHER)?, OTHER).await?;
    ensure!(away.status == 503 && !away.header("retry-after").is_empty(), "{} {}", away.status, away.text());
    cluster.up().await.map_err(|error| anyhow!(error))?;
    let back = post(&one, &signed("n-2", OTHER)?, OTHER).await?;
    ensure!(back.status == 202, "{} {}", back.status, back.text());

    let events = Python::read_all(&world.broker, &world.registry, "okr.events").await?;
    let ours = events.iter().filter(|record| record["value"]["source"]["name"] == "once").count();
    ensure!(ours == 2, "each delivery is there once: {ours}");
    Ok(())
}
