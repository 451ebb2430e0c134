//! One member on an embedded file, which nobody has to prepare.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fastrand::Rng;
use okr_tests::{Folder, Role, SmallDisk, until};

use crate::{
    exact,
    size::{Size, seed},
    world::{SOON, World},
};

const SHORT: Size = Size { events: 16_000, lasts: Duration::from_secs(35), rounds: 1 };

/// What happens to it.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Kill,
    /// It stands still until its group has given it up.
    Stop,
    /// The disk under its file fills up, and has room again.
    Full,
}

const TROUBLE: [Trouble; 4] = [Trouble::Kill, Trouble::Stop, Trouble::Full, Trouble::Kill];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_befalls_a_member_and_its_file_each_event_is_one_row_and_state_is_their_fold() -> Result<()>
{
    let (began, size, mut dice) = (Instant::now(), Size::of(SHORT), Rng::with_seed(seed()));
    let disk = SmallDisk::new(&size.disk())?;
    let folder = Folder::new("warehouse")?;
    let file = disk.as_ref().map_or(folder.path(), SmallDisk::path).join("warehouse.db");
    let world = World::start(Some(&format!("file:{}", file.display()))).await?;
    let mut member = world.member().await?;
    let second = world.stack.start("warehouse")?;
    ensure!(second.end(SOON).await? == 1, "the file is another's: {}", second.tail());

    let (feed, events) = world.tell(size.course(dice.fork()))?;
    gets_on(&member).await?;
    for trouble in size.deck(&TROUBLE, &mut dice) {
        println!("{:7.1} s  {trouble:?}", began.elapsed().as_secs_f64());
        match trouble {
            Trouble::Kill => {
                member.kill9();
                member = world.member().await?;
            }
            Trouble::Stop => {
                member.signal("STOP")?;
                world.crew(0).await?;
                member.signal("CONT")?;
            }
            Trouble::Full => full(&member, disk.as_ref()).await?,
        }
        gets_on(&member).await?;
    }
    let patience = size.lasts + SOON;
    let fed = feed.stop_within(patience).await?;
    println!("{:7.1} s  all are sent", began.elapsed().as_secs_f64());
    exact::contained(&world, &fed, patience).await?;
    exact::left([member]).await?;
    exact::same(&events, &file).await?;
    println!("{} events, {:.1?} in all", fed.ids.len(), began.elapsed());
    Ok(())
}

/// Waits until it has contained more records.
async fn gets_on(member: &Role) -> Result<()> {
    let finished = async || member.metric("okr_worker_finished_records_total", "").await.ok();
    let goal = until("its metrics", SOON, finished).await? + 300.0;
    until("more records", SOON, async || finished().await.filter(|now| *now >= goal)).await.map(drop)
}

async fn full(member: &Role, disk: Option<&SmallDisk>) -> Result<()> {
    let Some(disk) = disk else { return Ok(()) };
    let label = "reason=\"unconfirmed\"";
    let unconfirmed = async || member.metric("okr_worker_retries_total", label).await.ok();
    let before = until("its metrics", SOON, unconfirmed).await?;
    disk.fill()?;
    let full = async || unconfirmed().await.filter(|now| *now > before + 2.0);
    until("batches that find the disk full", SOON, full).await?;
    let told = async || member.readyz().await.ok().filter(|reply| reply.text().contains("database is full"));
    until("/readyz to say that it is full", SOON, told).await?;
    disk.free()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_the_fuse_halts_goes_on_after_resume() -> Result<()> {
    let world = World::start(None).await?;
    let feed = world.feed()?;
    let fuse = [("OKR_ROUTER__WORKER__FUSE__IN_A_ROW", "0")];
    let member = world.stack.start_with("warehouse", &fuse)?;
    let halted = async || member.readyz().await.ok().filter(|reply| reply.text().contains("halted: "));
    until("a halt", SOON, halted).await?;
    let shown = world.stack.command(&["resume", "warehouse"]).await?;
    ensure!(shown.stdout.contains("warehouse is halted since"), "{}{}", shown.stdout, shown.stderr);
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    let member = world.stack.start("warehouse")?;
    until("the halt after a restart", SOON, async || {
        member.readyz().await.ok().filter(|reply| reply.text().contains("halted: "))
    })
    .await?;
    let resumed = world.stack.command(&["resume", "warehouse", "--apply", "--why", "a test"]).await?;
    ensure!(resumed.code == 0, "{}", resumed.stderr);
    member.ready().await?;
    let fed = feed.stop().await?;
    let said = world.all_contained().await?;
    ensure!(said["events"] == fed.ids.len(), "{} events: {said}", fed.ids.len());
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    Ok(())
}
