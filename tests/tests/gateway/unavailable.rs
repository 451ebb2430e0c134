//! Rows in which Kafka or the registry does not do its part, and the last one: shutting down.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use okr_tests::{Apicurio, Kafka, Reply, until};

use crate::world::{DEADLINE, PATIENT, SOON, World, ids, okr, stack, unavailable};

/// Told inside the deadline, and when to come again.
fn in_time(what: &str, began: Instant, reply: &Reply) -> Result<()> {
    unavailable(what, reply)?;
    ensure!(began.elapsed() <= DEADLINE, "{what} took {:?}", began.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_does_not_acknowledge_before_the_deadline() -> Result<()> {
    let world = World::own(DEADLINE).await?;
    let kafka = world.kafka.as_ref().context("a broker of its own")?;
    let (alone, batch) = (okr("d-late", "o-late").to_string(), format!("[{}]", okr("d-late-2", "o-late")));
    kafka.pause()?;
    let began = Instant::now();
    let (one, all) = tokio::try_join!(
        world.put("tracker", &[], alone.clone()),
        world.put("tracker/batch", &[], batch.clone())
    )?;
    in_time("a delivery", began, &one)?;
    in_time("a batch", began, &all)?;
    kafka.resume()?;
    // Possibly persisted: the retry has the same ids, whether it is a duplicate or not.
    let retried = async |path: &str, body: &str| {
        let reply = world.put(path, &[], body.to_owned()).await.ok()?;
        (reply.status == 202).then(|| reply.json())
    };
    let alone = until("the retry is accepted", SOON, async || retried("tracker", &alone).await).await?;
    let batch = until("the batch is accepted", SOON, async || retried("tracker/batch", &batch).await).await?;
    let mut expected = [ids(&alone), ids(&batch["items"][0])].concat();
    expected.sort();
    let events = world.records("okr.events", "o-late").await?;
    let mut stored: Vec<String> =
        events.iter().filter_map(|record| record["headers"]["ce_id"].as_str().map(str::to_owned)).collect();
    stored.sort();
    stored.dedup();
    ensure!(stored == expected, "{stored:?} are not {expected:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_id_is_unknown_and_the_registry_is_down() -> Result<()> {
    let (mut registry, kafka) = tokio::try_join!(Apicurio::own(), Kafka::own())?;
    let stack = stack(kafka.address(), registry.url(), DEADLINE, "")?;
    stack.prepare().await?;
    registry.kill9()?;
    // It has never met a schema, and is not ready; whoever comes all the same is told so.
    let gateway = stack.start("gateway")?;
    let world = World {
        broker: kafka.address().to_owned(),
        registry: registry.url().to_owned(),
        stack,
        gateway,
        kafka: Some(kafka),
    };
    for (path, body) in [
        ("tracker", okr("d-strange", "o-strange").to_string()),
        ("tracker/batch", "[{\"id\":\"d-strange-2\"}]".to_owned()),
    ] {
        let answered = async || world.put(path, &[], body.clone()).await.ok();
        until("it listens", SOON, answered).await?;
        let began = Instant::now();
        in_time(path, began, &world.put(path, &[], body).await?)?;
    }
    registry.restart().await?;
    world.stack.prepare().await?;
    world.gateway.ready_within(SOON).await?;
    let reply = world.put("tracker", &[], okr("d-strange", "o-strange").to_string()).await?;
    ensure!(reply.status == 202, "{} {}", reply.status, reply.text());
    world.keeps("d-strange", [1, 1, 0]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutting_down() -> Result<()> {
    let world = World::own(PATIENT).await?;
    let kafka = world.kafka.as_ref().context("a broker of its own")?;
    // In flight: Kafka stands still while it is asked to leave, and goes on before the deadline.
    kafka.pause()?;
    let lines = format!("{}\n{}\n", okr("d-last-1", "o-last"), okr("d-last-2", "o-last"));
    let sizes = lines.len() + okr("d-last", "o-last").to_string().len();
    let sending = async {
        let typed = [("content-type", "application/x-ndjson")];
        let alone = world.put("tracker", &[], okr("d-last", "o-last").to_string());
        tokio::try_join!(alone, world.put("tracker/batch", &typed, lines))
    };
    let leaving = async {
        let charged = async || {
            let bytes = world.gateway.metric("okr_gateway_in_flight_bytes", "").await.ok()?;
            (bytes as usize >= sizes).then_some(())
        };
        until("both are in flight", SOON, charged).await?;
        world.gateway.signal("TERM")?;
        let refused = async || world.put("tracker", &[], "{}").await.is_err().then_some(());
        until("nobody is let in any more", SOON, refused).await?;
        kafka.resume()
    };
    let ((alone, batch), ()) = tokio::try_join!(sending, leaving)?;
    ensure!(alone.status == 202 && batch.status == 202, "{} {}", alone.text(), batch.text());
    ensure!(world.gateway.end(SOON).await? == 0, "{}", world.gateway.tail());
    world.keeps("o-last", [3, 3, 0]).await
}
