//! The disk of the broker is full while many senders deliver.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use okr_tests::{Setup, SmallDisk, until};

use crate::{
    evidence::{nothing_is_lost, refusals_are_honest, topic},
    world::{SOON, World},
};

const SENDERS: u32 = 6;
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_broker_costs_no_promise_and_no_restart_of_the_gateway() -> Result<()> {
    let Some(disk) = SmallDisk::new("64m")? else { return Ok(()) };
    // What the cluster knows of itself lies elsewhere: the disk of the records is what is full.
    let data = disk.path().join("data");
    let own = okr_tests::Folder::new("metadata")?;
    let setup = Setup {
        properties: format!("metadata.log.dir={}\nlog.index.size.max.bytes=65536\n", own.path().display()),
        data: Some(data),
        ..Setup::default()
    };
    let mut world = World::on(setup).await?;
    let gateway = world.stack.role("gateway").await?;
    let load = world.sender.load(SENDERS, "full");
    load.more_accepted(200, SOON).await?;
    disk.fill()?;
    let full = Instant::now();
    load.more_refused(SENDERS as usize, SOON).await?;
    let refused = full.elapsed();
    let why = gateway.unready_within(SHOWN_WITHIN).await?;
    let unready = full.elapsed();
    ensure!(why.contains("\"kafka\"") && gateway.ended().is_none(), "{why}; {}", gateway.tail());

    // A broker whose only disk fails ends itself; it comes back with room.
    let ended = async || world.kafka.ended().map(|_| ());
    until("the end of the broker", SOON, ended).await?;
    load.more_refused(SENDERS as usize, SOON).await?;
    disk.free()?;
    world.kafka.restart().await?;
    let back = Instant::now();
    gateway.ready_within(SHOWN_WITHIN).await?;
    let ready = back.elapsed();
    load.more_accepted(100, SOON).await?;
    let sent = load.stop().await;
    let log = topic(&world).await?;
    let accepted = nothing_is_lost(&sent, &log)?;
    let (turned_away, longest) = refusals_are_honest(&sent)?;
    println!(
        "full disk: {accepted} accepted and on the topic, {turned_away} refused (the longest took {longest:.1?}); \
         refused after {refused:.1?}, unready after {unready:.1?}, ready {ready:.1?} after the broker's return"
    );
    Ok(())
}
