//! Members that die, stand still past their session, join, and are replaced one by one.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::{
    evidence::{accepted, arrived, no_lag, order_is_kept},
    world::{SOON, TARGETS, World},
};

/// Deliveries that kind `http` has under way at a time, for each target.
const CONCURRENCY: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_and_go_and_every_event_arrives_in_order() -> Result<()> {
    let world = World::start().await?;
    let _gateway = world.stack.role("gateway").await?;
    let mut members = world.notifiers(3).await?;

    let load = world.load("storm");
    load.more_accepted(300, SOON).await?;
    members.remove(0).kill9();
    load.more_accepted(100, SOON).await?;
    members[0].signal("STOP")?;
    members.extend(world.notifiers(1).await?);
    // Longer than the session: the group gives its partitions away, and it wakes up as a zombie.
    tokio::time::sleep(Duration::from_secs(13)).await;
    members[0].signal("CONT")?;
    load.more_accepted(100, SOON).await?;
    let ids = accepted(&load.stop().await)?;
    let repeats = arrived(&world, &ids).await?;
    order_is_kept(&world)?;
    // Commits that fail between two generations are made good though no record comes any more.
    no_lag(&world).await?;
    println!("{} events, {repeats} repeats of two faults", ids.len());
    ensure!(repeats <= 2 * CONCURRENCY * TARGETS, "{repeats} repeats are more than was under way");

    // One after the other gets a successor: this has no window, so nothing comes twice.
    let load = world.load("rolling");
    load.more_accepted(100, SOON).await?;
    let mut successors = Vec::new();
    for member in members {
        ensure!(member.term(Duration::from_secs(15)).await? == 0);
        successors.extend(world.notifiers(1).await?);
        load.more_accepted(50, SOON).await?;
    }
    let ids = accepted(&load.stop().await)?;
    let repeats = arrived(&world, &ids).await?;
    ensure!(repeats == 0, "{repeats} repeats in a rolling restart");
    order_is_kept(&world)?;
    no_lag(&world).await
}
