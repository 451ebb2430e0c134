//! The broker dies, or stands still, while many senders deliver.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use okr_tests::{Load, Role};

use crate::{
    evidence::{delivered, nothing_is_lost, order_is_kept, refusals_are_honest, repeats, topic},
    world::{SOON, World},
};

const SENDERS: u32 = 6;
/// How fast a lost broker must show.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
/// How long the broker stands still.
const PAUSE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_costs_no_promise_and_no_message_comes_twice() -> Result<()> {
    let mut world = World::start().await?;
    let (gateway, notifier) = world.roles().await?;
    let load = world.sender.load(SENDERS, "killed");
    load.more_accepted(200, SOON).await?;
    world.kafka.kill9()?;
    let unready = unready(&gateway, &notifier).await?;
    load.more_refused(SENDERS as usize, SOON).await?;
    world.kafka.restart().await?;
    recovers("killed", &world, (&gateway, &notifier), load, unready).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_broker_costs_no_promise_and_no_message_comes_twice() -> Result<()> {
    let mut world = World::start().await?;
    let (gateway, notifier) = world.roles().await?;
    let load = world.sender.load(SENDERS, "restarted");
    load.more_accepted(200, SOON).await?;
    world.kafka.stop().await?;
    let unready = unready(&gateway, &notifier).await?;
    load.more_refused(SENDERS as usize, SOON).await?;
    world.kafka.restart().await?;
    recovers("restarted", &world, (&gateway, &notifier), load, unready).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_stands_still_costs_no_promise_and_no_message_comes_twice() -> Result<()> {
    let world = World::start().await?;
    let (gateway, notifier) = world.roles().await?;
    let load = world.sender.load(SENDERS, "paused");
    load.more_accepted(200, SOON).await?;
    world.kafka.pause()?;
    let paused = Instant::now();
    let unready = unready(&gateway, &notifier).await?;
    load.more_refused(SENDERS as usize, SOON).await?;
    // The pause itself is the fault: longer than sessions, requests and records live.
    tokio::time::sleep(PAUSE.saturating_sub(paused.elapsed())).await;
    world.kafka.resume()?;
    recovers("paused", &world, (&gateway, &notifier), load, unready).await
}

/// Both say within ten seconds that they are not ready. Gives when the later one did.
async fn unready(gateway: &Role, notifier: &Role) -> Result<Duration> {
    let lost = Instant::now();
    tokio::try_join!(gateway.unready_within(SHOWN_WITHIN), notifier.unready_within(SHOWN_WITHIN))?;
    Ok(lost.elapsed())
}

/// The broker is back: the same processes become ready, accept and deliver again, and what they promised holds.
async fn recovers(
    name: &str,
    world: &World,
    (gateway, notifier): (&Role, &Role),
    load: Load,
    unready: Duration,
) -> Result<()> {
    let back = Instant::now();
    // The gateway within ten seconds; a group may take longer to gather again.
    tokio::try_join!(gateway.ready_within(SHOWN_WITHIN), notifier.ready_within(SOON))?;
    let ready = back.elapsed();
    load.more_accepted(100, SOON).await?;
    let sent = load.stop().await;

    let log = topic(world).await?;
    let accepted = nothing_is_lost(&sent, &log)?;
    let (refused, longest) = refusals_are_honest(&sent)?;
    ensure!(refused > 0, "the senders did not notice");
    delivered(world, &log, 2 * SOON).await?;
    world.goes_on(&format!("after-{name}")).await?;
    let seen = world.receiver.seen();
    ensure!(repeats(&seen).is_empty(), "delivered more than once: {:?}", repeats(&seen));
    ensure!(seen.len() == log.len() + 1, "{} requests for {} events", seen.len(), log.len() + 1);
    order_is_kept(&log, &seen)?;
    println!(
        "broker {name}: {accepted} accepted and on the topic, {refused} refused (the longest took {longest:.1?}), {} \
         refused ones are on the topic all the same; unready after {unready:.1?}, ready {ready:.1?} after its return",
        log.len() - accepted,
    );
    Ok(())
}
