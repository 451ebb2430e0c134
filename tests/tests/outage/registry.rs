//! Roles that start before their surroundings are there, and a registry that goes while they work.

use anyhow::{Context, Result, ensure};
use okr_tests::{Apicurio, Role, check_in, until};

use crate::{
    evidence::{delivered, order_is_kept, repeats, topic},
    world::{SOON, World},
};

/// Events that wait for the registry at first.
const BACKLOG: u32 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_wait_for_topics_registry_and_schemas_and_say_what_lacks() -> Result<()> {
    let mut registry = Apicurio::own().await?;
    registry.kill9()?;
    let world = World::bare(registry.url()).await?;
    let roles = [world.stack.start("gateway")?, world.stack.start("notifier")?];
    for role in &roles {
        says(role, &["topics apply", "missing"]).await?;
        says(role, &["schemas", "registry"]).await?;
    }
    let applied = world.stack.command(&["topics", "apply"]).await?;
    ensure!(applied.code == 0, "{}", applied.stderr);
    let refused = world.stack.command(&["schemas", "register", "--apply"]).await?;
    ensure!(refused.code != 0 && refused.stderr.contains("registry"), "{refused:?}");

    registry.restart().await?;
    for role in &roles {
        says(role, &["schemas register --apply"]).await?;
        ensure!(role.ended().is_none(), "{}", role.tail());
    }
    let registered = world.stack.command(&["schemas", "register", "--apply"]).await?;
    ensure!(registered.code == 0, "{}", registered.stderr);
    for role in &roles {
        role.ready_within(SOON).await?;
    }
    world.goes_on("kr-first").await?;

    // Once they know the schemas, they live without the registry.
    registry.kill9()?;
    world.goes_on("kr-second").await?;
    println!("started without topics, registry and schemas: waited, said so, became ready by themselves");
    Ok(())
}

/// Waits until `/readyz` is 503 with all these words.
async fn says(role: &Role, words: &[&str]) -> Result<()> {
    let look = async || {
        let reply = role.readyz().await.ok()?;
        let text = reply.text();
        (reply.status == 503 && words.iter().all(|word| text.contains(word))).then_some(())
    };
    let result = until(&format!("{words:?} in /readyz"), SOON, look).await;
    match result {
        Ok(()) => Ok(()),
        Err(error) => {
            let last = role.readyz().await.map(|reply| reply.text()).unwrap_or_default();
            Err(error.context(format!("/readyz says {last}; {}", role.tail())))
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_stands_still_in_the_middle_stalls_what_needs_it_and_loses_nothing() -> Result<()> {
    let registry = Apicurio::own().await?;
    let world = World::bare(registry.url()).await?;
    world.stack.prepare().await?;
    let (_gateway, notifier) = world.roles().await?;
    world.goes_on("kr-before").await?;
    ensure!(notifier.term(SOON).await? == 0, "{}", notifier.tail());

    // The gateway knows its schemas; a new member has met none, and finds a backlog.
    let other = another_id(&registry).await?;
    registry.pause()?;
    for number in 0..BACKLOG {
        let body = check_in("load", &format!("kr-{}", number % 7), number);
        world.sender.accepted(&format!("msg-{number}"), &body).await?;
    }
    let notifier = world.stack.start("notifier")?;
    waits(&notifier).await?;
    says(&notifier, &["notifier.schemas"]).await?;
    ensure!(world.receiver.seen().len() == 1, "it delivered what it cannot read");
    registry.resume()?;
    notifier.ready_within(SOON).await?;
    let log = topic(&world).await?;
    ensure!(log.len() == BACKLOG as usize + 1, "{} are on the topic", log.len());
    delivered(&world, &log, SOON).await?;

    // Then an id comes that it has not met yet.
    registry.pause()?;
    produce_with(&world, other).await?;
    waits(&notifier).await?;
    ensure!(world.receiver.seen().len() == log.len(), "it delivered what it cannot read");
    registry.resume()?;
    world.receiver.wait_for(log.len() + 1, SOON).await?;
    world.goes_on("kr-after").await?;
    let seen = world.receiver.seen();
    ensure!(repeats(&seen).is_empty() && seen.len() == log.len() + 2, "{:?}", repeats(&seen));
    order_is_kept(&log, &seen)?;
    let letters = notifier.metric("okr_worker_dead_letters_total", "").await?;
    ensure!(letters < 0.5, "{letters} dead letters of records that nobody could read yet");
    notifier.ready_within(SOON).await?;
    println!("registry SIGSTOP: {} records waited for it, twice, and each came once", BACKLOG + 1);
    Ok(())
}

/// Waits until records are tried again because the registry does not answer.
async fn waits(notifier: &Role) -> Result<()> {
    let retries = async || notifier.metric("okr_worker_retries_total", "registry").await;
    let before = retries().await.unwrap_or_default();
    until("records that wait for the registry", SOON, async || (retries().await.ok()? > before).then_some(()))
        .await
}

/// The id of a schema that reads as ours does and is another text.
async fn another_id(registry: &Apicurio) -> Result<u32> {
    let mut schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../schemas/okr_event.avsc"))?;
    schema["doc"] = "Written by somebody else.".into();
    let body = serde_json::json!({ "schema": schema.to_string() }).to_string();
    let url = format!("{}/subjects/somebody-else/versions", registry.url());
    let reply = okr_tests::post(&url, &[], body).await?;
    let id = reply.json()["id"].as_u64();
    Ok(u32::try_from(id.with_context(|| format!("{} {}", reply.status, reply.text()))?)?)
}

/// One more event: the first of the topic, under another event's id and the schema's id that is given.
async fn produce_with(world: &World, schema: u32) -> Result<()> {
    let settings = bus::Settings::new(vec![world.kafka.address().to_owned()], "okr-tests");
    let mut reader = bus::Reader::open(&settings, "okr.events", bus::ReadFrom::Earliest).await?;
    let model = reader.next().await?;
    let id = model.headers.get_str("ce_id").context("no ce_id")?.to_owned();
    let mut value = model.value.as_ref().context("no value")?.to_vec();
    ensure!(value[1..5] != schema.to_be_bytes(), "the registry gave both the same id");
    value[1..5].copy_from_slice(&schema.to_be_bytes());
    let at = value.windows(id.len()).position(|text| text == id.as_bytes()).context("no id inside")?;
    value[at..at + 8].copy_from_slice(b"00000000");
    let bus::InRecord { slot, key, headers, .. } = model;
    let (topic, partition, value) = (slot.topic, slot.partition, Some(value.into()));
    let record = bus::OutRecord { topic, partition, key, value, headers };
    bus::Producer::new(&settings, SOON)?.send(record).await?;
    Ok(())
}
