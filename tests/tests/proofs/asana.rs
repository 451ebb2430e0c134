//! Asana's handshake on real Kafka: in and out of the window, two gateways, a restart, thin deliveries.

use anyhow::{Result, anyhow, ensure};
use okr_tests::{Python, Reply, post, until};
use serde_json::{Value, json};
use store::testing::Cluster;

use crate::world::{SOON, World, pairs, refused};

const SEAL: &str = "0123456789abcdef0123456789abcdef0123456789ab";
const MOVED: &str = r#"{"events":[{"action":"changed","created_at":"2026-02-03T10:15:00.000Z","user":{"gid":"12","resource_type":"user"},"resource":{"gid":"1202461773653662","resource_type":"goal"}}]}"#;
const HEARTBEAT: &str = r#"{"events":[]}"#;

fn env() -> Vec<(String, String)> {
    pairs(&[("OKR_ROUTER__STORE__SEAL__ENV", "SEAL"), ("SEAL", SEAL)])
}

fn secret(digit: char) -> String {
    digit.to_string().repeat(64)
}

async fn shake(door: &str, secret: &str) -> Result<Reply> {
    post(door, &pairs(&[("x-hook-secret", secret)]), "{}").await
}

async fn taken(door: &str, secret: &str) -> Result<()> {
    let reply = shake(door, secret).await?;
    ensure!(
        reply.status == 200 && reply.header("x-hook-secret") == secret,
        "{} {}",
        reply.status,
        reply.text()
    );
    Ok(())
}

async fn send(door: &str, secret: &str, body: &'static str) -> Result<Reply> {
    let config = toml::from_str(&format!("kind = \"asana\"\nsecrets = [\"{secret}\"]"))?;
    let headers = sources::Source::build("goals", &config)?.sign(body.as_bytes(), jiff::Timestamp::now());
    post(door, &headers, body).await
}

async fn accepted(door: &str, secret: &str, body: &'static str, pending: u32) -> Result<()> {
    let reply = send(door, secret, body).await?;
    let expected = json!({"accepted": [], "duplicates": 0, "held": 0, "pending": pending});
    ensure!(reply.status == 202 && reply.json() == expected, "{} {}", reply.status, reply.text());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_on_postgres_learn_in_the_window_and_forget_when_told() -> Result<()> {
    let mut cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    let database = cluster.database().await.map_err(|error| anyhow!(error))?;
    let section = "[sources.goals-shared]\nkind = \"asana\"\n".to_owned();
    let world = World::start(section, env(), database.url.clone()).await?;
    let path = "/in/goals-shared";
    let one = world.stack.gateway(path);
    let gateway = world.stack.role("gateway").await?;
    let (_second, other) = world.second(path).await?;

    refused(&shake(&one, &secret('a')).await?, "nobody waits for it")?;
    let shown = world.json(&["sources", "open", "goals-shared"]).await?;
    ensure!(shown["applied"] == false && shown["open_seconds"] == Value::Null, "{shown}");
    refused(&shake(&one, &secret('a')).await?, "it was only shown")?;
    let open = ["sources", "open", "goals-shared", "--for", "5m", "--why", "a webhook", "--apply"];
    let shown = world.json(&open).await?;
    ensure!(shown["open_seconds"].as_u64().is_some_and(|left| left <= 300), "{shown}");
    taken(&one, &secret('a')).await?;
    taken(&other, &secret('b')).await?;

    // Each knows what the other has learned, at once.
    accepted(&other, &secret('a'), MOVED, 1).await?;
    accepted(&one, &secret('b'), HEARTBEAT, 0).await?;
    refused(&send(&one, &secret('c'), HEARTBEAT).await?, "nobody's secret")?;
    let listed = world.json(&["sources", "list"]).await?;
    ensure!(listed[0]["learned"].as_array().is_some_and(|learned| learned.len() == 2), "{listed}");

    // What is known counts while the database is away; what is not comes again, and a gateway starts all the same.
    cluster.stop();
    accepted(&one, &secret('a'), HEARTBEAT, 0).await?;
    let unknown = send(&one, &secret('c'), HEARTBEAT).await?;
    ensure!(unknown.status == 503 && !unknown.header("retry-after").is_empty(), "{}", unknown.status);
    ensure!(gateway.term(SOON).await? == 0, "{}", gateway.tail());
    let gateway = world.stack.role("gateway").await?;
    let early = send(&one, &secret('a'), HEARTBEAT).await?;
    ensure!(early.status == 503, "{} {}", early.status, early.text());
    cluster.up().await.map_err(|error| anyhow!(error))?;
    until("the store to be opened", SOON, async || {
        (send(&one, &secret('a'), HEARTBEAT).await.ok()?.status == 202).then_some(())
    })
    .await?;
    ensure!(gateway.metric("okr_gateway_learned_secrets", "state=\"open\"").await? == 2.0, "after a restart");

    let slip = world.stack.command(&["sources", "forget", "goals-shred", "--apply"]).await?;
    ensure!(slip.code != 0 && slip.stderr.contains("goals-shared"), "{}", slip.stderr);
    let shown = world.json(&["sources", "forget", "goals-shared", "--apply"]).await?;
    ensure!(shown["learned"].as_array().is_some_and(|learned| learned.len() == 2), "{shown}");
    for door in [&one, &other] {
        until("what was forgotten to be refused", SOON, async || {
            (send(door, &secret('a'), HEARTBEAT).await.ok()?.status == 401).then_some(())
        })
        .await?;
        refused(&shake(door, &secret('d')).await?, "it is closed")?;
    }
    pending_record(&world).await?;
    noted(&world).await
}

/// The reference says where the arrival lies, byte for byte as it came.
async fn pending_record(world: &World) -> Result<()> {
    let of = |record: &Value| record["value"]["source"] == "goals-shared";
    let records = Python::read_all(&world.broker, &world.registry, "okr.pending").await?;
    let pendings: Vec<&Value> = records.iter().filter(|record| of(record)).collect();
    ensure!(pendings.len() == 1, "{pendings:?}");
    let (key, pending) = (&pendings[0]["key"], &pendings[0]["value"]);
    ensure!(key == "goals-shared/goal/1202461773653662", "{key}");
    ensure!(pending["object_id"] == "1202461773653662" && pending["change"] == "updated", "{pending}");
    let arrivals = Python::read_all(&world.broker, &world.registry, "okr.arrivals").await?;
    let place = (&pending["arrival_partition"], &pending["arrival_offset"]);
    let arrival = arrivals.iter().find(|record| (&record["partition"], &record["offset"]) == place);
    let named = arrival.is_some_and(|record| record["value"]["delivery_id"] == pending["delivery_id"]);
    ensure!(named && arrival.is_some_and(of), "{place:?} in {arrival:?}");
    Ok(())
}

async fn noted(world: &World) -> Result<()> {
    let records = Python::read_all(&world.broker, &world.registry, "okr.audit").await?;
    let ours = records.iter().filter(|record| record["key"] == "sources.goals-shared");
    let deeds: Vec<(&Value, &Value)> =
        ours.map(|record| (&record["value"]["verb"], &record["value"]["stage"])).collect();
    let expected = [("source_open", "begun"), ("source_open", "finished"), ("source_forget", "finished")];
    ensure!(
        deeds.len() == 3 && deeds.iter().zip(expected).all(|(is, said)| *is.0 == said.0 && *is.1 == said.1),
        "{deeds:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_on_a_file_is_opened_through_its_socket_and_keeps_what_it_learned() -> Result<()> {
    let section = "[sources.goals-file]\nkind = \"asana\"\n".to_owned();
    let world = World::start(section, env(), String::new()).await?;
    let door = world.stack.gateway("/in/goals-file");
    let gateway = world.stack.role("gateway").await?;
    refused(&shake(&door, &secret('a')).await?, "nobody waits for it")?;
    let open = ["sources", "open", "goals-file", "--apply"];
    ensure!(
        world.json(&open).await?["open_seconds"].as_u64().is_some_and(|left| left > 500),
        "10m when left out"
    );
    taken(&door, &secret('a')).await?;
    let member = world.stack.start("notifier")?;
    ensure!(member.end(SOON).await? != 0 && member.stderr().contains("is held by"), "{}", member.tail());

    gateway.kill9();
    let _gateway = world.stack.role("gateway").await?;
    accepted(&door, &secret('a'), HEARTBEAT, 0).await?;
    ensure!(
        world.json(&["sources", "list"]).await?[0]["learned"].as_array().map(Vec::len) == Some(1),
        "it is kept"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_place_for_its_secrets_a_source_is_refused_by_name() -> Result<()> {
    let section = "[sources.goals-bare]\nkind = \"asana\"\n".to_owned();
    let world = World::start(section, Vec::new(), String::new()).await?;
    for words in [&["config", "check"][..], &["gateway"]] {
        let done = world.stack.command(words).await?;
        ensure!(
            done.code == 1 && done.stderr.contains("[store] seal = { env = "),
            "{words:?}: {}",
            done.stderr
        );
    }
    Ok(())
}
