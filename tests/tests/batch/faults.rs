//! Members on one Postgres that are killed, stand still and come back, while both servers restart.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, anyhow, ensure};
use boot::system_clock;
use bus::Slot;
use okr_tests::{Kafka, until};
use store::{Store, testing::Cluster};
use worker::Progress;

use crate::{
    evidence::exact,
    sums::SERVICE,
    world::{SOON, World},
};

const PARTITIONS: i32 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_die_and_come_back_too_late_and_each_record_counts_once() -> Result<()> {
    let mut kafka = Kafka::own().await?;
    let mut cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    let database = cluster.database().await.map_err(|error| anyhow!(error))?;
    let world = World::start(kafka.address(), &database.url, "batch.faults", PARTITIONS).await?;
    let store = Store::open(&database.url, system_clock()).await?;
    let load = world.load()?;

    let [first, zombie] = ["first", "zombie"].map(|name| world.member(name));
    let process = first.start(&world.folder)?;
    world.more_committed(500).await?;
    let asleep = zombie.start(&world.folder)?;
    let _third = world.member("third").start(&world.folder)?;
    world.more_committed(1_000).await?;
    process.kill9();
    let process = first.start(&world.folder)?;
    world.more_committed(1_000).await?;

    // It stands still with a batch in its hands until others have its partitions, and wakes up.
    zombie.hold_up()?;
    until("a batch that is held up", SOON, async || asleep.stdout().contains("held up").then_some(()))
        .await?;
    asleep.signal("STOP")?;
    let before = epochs(&store).await?;
    let is_taken = async || {
        let now = epochs(&store).await.ok()?;
        let taken = now.iter().filter(|(partition, epoch)| before.get(partition) < Some(epoch)).count();
        (taken >= 2).then_some(())
    };
    until("others in its place", SOON, is_taken).await?;
    world.more_committed(1_000).await?;
    zombie.let_go()?;
    ensure!(!asleep.stdout().contains("refused"));
    asleep.signal("CONT")?;
    until("a late commit refused", SOON, async || asleep.stdout().contains("refused").then_some(())).await?;
    world.more_committed(1_000).await?;

    kafka.kill9()?;
    kafka.restart().await?;
    world.more_committed(1_000).await?;
    cluster.stop();
    tokio::time::sleep(Duration::from_secs(2)).await; // Long enough for commits without an answer.
    cluster.up().await.map_err(|error| anyhow!(error))?;
    world.more_committed(1_000).await?;
    process.signal("TERM")?;
    ensure!(process.end(SOON).await? == 0, "it leaves when it is asked to");
    world.more_committed(500).await?;

    load.stop().await?;
    exact(&world, &store).await
}

async fn epochs(store: &Store) -> Result<BTreeMap<i32, i64>> {
    let slots: Vec<Slot> = (0..PARTITIONS).map(|partition| Slot::new("batch.faults", partition)).collect();
    let standings = store.standings(SERVICE, &slots).await?;
    Ok(standings.into_iter().map(|standing| (standing.slot.partition, standing.epoch)).collect())
}
