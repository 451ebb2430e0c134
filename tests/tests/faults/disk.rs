//! The disk under the store is full, and has room again.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, anyhow, ensure};
use okr_tests::{Role, SmallDisk, until};
use store::testing::{Cluster, run};

use crate::{
    evidence::{accepted, exact},
    world::{SOON, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_postgres_is_waited_for_and_then_everything_is_exact() -> Result<()> {
    let Some(disk) = SmallDisk::new("48m")? else { return Ok(()) };
    let cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    // The database alone lies on it: a full disk under the log of the whole cluster stops Postgres itself.
    let space = format!("CREATE TABLESPACE small LOCATION '{}'", of_postgres(&disk)?.display());
    for sql in [&*space, "CREATE DATABASE small TABLESPACE small"] {
        run(&cluster.url("postgres"), sql).await.map_err(|error| anyhow!(error))?;
    }
    let world = World::on(&cluster.url("small")).await?;
    stalls_and_goes_on(&world, &disk).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_embedded_store_is_waited_for_and_then_everything_is_exact() -> Result<()> {
    let Some(disk) = SmallDisk::new("24m")? else { return Ok(()) };
    let world = World::on(&format!("file:{}", disk.path().join("state.db").display())).await?;
    // There is no room even for the file when it starts.
    disk.fill()?;
    let early = world.stack.start("notifier")?;
    early.says("the store is waited for", SOON).await?;
    ensure!(early.ended().is_none(), "{}", early.tail());
    disk.free()?;
    early.ready_within(SOON).await?;
    ensure!(early.term(SOON).await? == 0, "{}", early.tail());
    stalls_and_goes_on(&world, &disk).await
}

/// Under load the disk fills up and gets room again, twice; the same process goes on by itself.
async fn stalls_and_goes_on(world: &World, disk: &SmallDisk) -> Result<()> {
    let _gateway = world.stack.role("gateway").await?;
    let member = world.stack.role("notifier").await?;
    let load = world.load("full");
    for _ in 0..2 {
        world.more_arrive(100).await?;
        disk.fill()?;
        let before = refused(&member).await?;
        let full = async || (refused(&member).await.ok()? > before + 3.0).then_some(());
        until("calls that the full disk refuses", SOON, full).await?;
        // Kafka keeps what the store cannot take.
        load.more_accepted(100, SOON).await?;
        ensure!(member.ended().is_none(), "{}", member.tail());
        disk.free()?;
    }
    load.more_accepted(50, SOON).await?;
    let ids = accepted(&load.stop().await)?;
    let repeats = exact(world, &ids, &[&member]).await?;
    ensure!(repeats.is_empty(), "sent again though its mark was only late: {repeats:?}");
    member.ready_within(SOON).await?;
    let refused = refused(&member).await?;
    println!("{refused} calls found the disk full: {} events, no repeat", ids.len());
    Ok(())
}

/// How many calls of the store did not succeed.
async fn refused(member: &Role) -> Result<f64> {
    member.metric("okr_store_calls_total", "store_unavailable").await
}

/// A folder on it for Postgres, which runs as a user of its own when we are root, who alone may mount.
fn of_postgres(disk: &SmallDisk) -> Result<PathBuf> {
    let path = disk.path().join("space");
    std::fs::create_dir(&path)?;
    let owned = Command::new("chown").arg("postgres").arg(&path).status()?;
    ensure!(owned.success(), "the folder cannot be given to postgres");
    Ok(path)
}
