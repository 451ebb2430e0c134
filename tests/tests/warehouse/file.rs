//! One member on an embedded file in `data_dir`, which nobody has to prepare.

use anyhow::{Result, ensure};
use okr_tests::until;

use crate::world::{SOON, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_killed_goes_on_where_its_file_stands() -> Result<()> {
    let world = World::start(None).await?;
    let member = world.member().await?;
    let feed = world.feed()?;
    world.more_rows(500).await?;
    let second = world.stack.start("warehouse")?;
    ensure!(second.end(SOON).await? == 1, "the file is another's: {}", second.tail());
    member.kill9();
    let member = world.member().await?;
    world.more_rows(500).await?;
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    let member = world.member().await?;
    world.more_rows(500).await?;

    let fed = feed.stop().await?;
    let said = world.all_contained().await?;
    ensure!(said["events"] == fed.ids.len() && said["gaps"] == 0, "{} events: {said}", fed.ids.len());
    ensure!(said["subjects"] == 60, "{said}");
    let (buried, _) = world.buried().await?;
    ensure!(buried == fed.poison, "{buried:?} instead of {:?}", fed.poison);
    world.committed().await?;
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    Ok(())
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
