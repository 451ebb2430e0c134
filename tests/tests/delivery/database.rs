//! Postgres is not there yet, and is gone for a while.

use std::time::Duration;

use anyhow::{Result, anyhow, ensure};

use crate::{
    evidence::{accepted, arrived, no_lag, order_is_kept},
    world::{SOON, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_waited_for_and_then_everything_is_exact() -> Result<()> {
    let mut world = World::start().await?;
    world.cluster.stop();
    let _gateway = world.stack.role("gateway").await?;
    let waiting = world.stack.start("notifier")?;
    waiting.says("the store is waited for", SOON).await?;
    ensure!(waiting.term(Duration::from_secs(5)).await? == 0, "a member that waits can be stopped");
    let member = world.stack.start("notifier")?;
    member.says("the store is waited for", SOON).await?;
    let why = member.readyz().await?.text();
    world.cluster.up().await.map_err(|error| anyhow!(error))?;
    member.ready().await?;
    ensure!(why.contains("notifier.store"), "{why}");

    let load = world.load("away");
    load.more_accepted(200, SOON).await?;
    // As in a crash: connections are cut, and with them whatever was asked.
    world.cluster.stop();
    member.unready_within(SOON).await?;
    load.more_accepted(100, SOON).await?;
    world.cluster.up().await.map_err(|error| anyhow!(error))?;
    member.ready().await?;
    let ids = accepted(&load.stop().await)?;
    let repeats = arrived(&world, &ids).await?;
    ensure!(repeats == 0, "{repeats} repeats, though each mark was only late");
    order_is_kept(&world)?;
    no_lag(&world).await
}
