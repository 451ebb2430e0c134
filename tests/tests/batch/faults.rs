//! Members on one Postgres that are killed, stand still and come back, while both servers restart.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, ensure};
use boot::system_clock;
use bus::Slot;
use okr_tests::{Kafka, until};
use store::{Store, testing::Cluster};
use worker::Progress;

use crate::{
    evidence::exact,
    member::{HELD_UP, REFUSED, UNCONFIRMED},
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

    let [first, zombie, last] = ["first", "zombie", "third"].map(|name| world.member(name));
    let process = first.start(&world.folder)?;
    world.more_committed(500).await?;
    let asleep = zombie.start(&world.folder)?;
    let third = last.start(&world.folder)?;
    world.more_committed(1_000).await?;
    process.kill9();
    let process = first.start(&world.folder)?;
    world.more_committed(1_000).await?;

    // It stands still with a batch in its hands until others have its partitions, and wakes up.
    zombie.hold_up()?;
    let batch = until("a batch that is held up", SOON, async || held(&asleep.stdout())).await?;
    asleep.signal("STOP")?;
    let is_taken = async || {
        let now = epochs(&store).await.ok()?;
        batch.iter().all(|(partition, epoch)| now.get(partition) > Some(epoch)).then_some(())
    };
    until("others in its place", SOON, is_taken).await?;
    world.more_committed(1_000).await?;
    let refused = || asleep.stdout().matches(REFUSED).count();
    let before = refused();
    zombie.let_go()?;
    asleep.signal("CONT")?;
    until("a late commit refused", SOON, async || (refused() > before).then_some(()))
        .await
        .with_context(|| asleep.tail())?;
    world.more_committed(1_000).await?;

    kafka.kill9()?;
    kafka.restart().await?;
    world.more_committed(1_000).await?;
    // The store goes away under a commit.
    last.hold_up()?;
    until("a batch that is held up", SOON, async || held(&third.stdout())).await?;
    cluster.stop();
    last.let_go()?;
    let unanswered = async || third.stdout().contains(UNCONFIRMED).then_some(());
    until("a commit without an answer", SOON, unanswered).await.with_context(|| third.tail())?;
    cluster.up().await.map_err(|error| anyhow!(error))?;
    world.more_committed(1_000).await?;
    process.signal("TERM")?;
    ensure!(process.end(SOON).await? == 0, "it leaves when it is asked to");
    world.more_committed(500).await?;

    load.stop().await?;
    ensure!(asleep.ended().is_none() && third.ended().is_none(), "a member ended by itself");
    exact(&world, &store).await
}

async fn epochs(store: &Store) -> Result<BTreeMap<i32, i64>> {
    let slots: Vec<Slot> = (0..PARTITIONS).map(|partition| Slot::new("batch.faults", partition)).collect();
    let standings = store.standings(SERVICE, &slots).await?;
    Ok(standings.into_iter().map(|standing| (standing.slot.partition, standing.epoch)).collect())
}

/// The partitions and epochs of the batch that a member holds up.
fn held(stdout: &str) -> Option<BTreeMap<i32, i64>> {
    let line = stdout.lines().find_map(|line| Some(line.split_once(HELD_UP)?.1))?;
    let mark = |word: &str| {
        let (partition, epoch) = word.split_once('@')?;
        Some((partition.parse().ok()?, epoch.parse().ok()?))
    };
    line.split_whitespace().map(mark).collect()
}
