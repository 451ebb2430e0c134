//! Several members on one Postgres.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fastrand::Rng;
use okr_tests::until;

use crate::{
    exact,
    fleet::{Fleet, Server, Trouble},
    size::{Size, seed},
    world::{SOON, World},
};

const SHORT: Size = Size { events: 24_000, lasts: Duration::from_secs(50), rounds: 1 };
const TROUBLE: [Trouble; 5] =
    [Trouble::Kill, Trouble::Zombies, Trouble::Restart, Trouble::Full, Trouble::Kill];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_befalls_members_and_database_each_event_is_one_row_and_state_is_their_fold() -> Result<()> {
    let (began, size, mut dice) = (Instant::now(), Size::of(SHORT), Rng::with_seed(seed()));
    let server = Server::start(&size.disk()).await?;
    let world = World::start(Some(&server.url)).await?;
    let first = world.stack.start("warehouse")?;
    let lacking =
        async || first.readyz().await.ok().filter(|reply| reply.text().contains("warehouse migrate --apply"));
    until("what is missing", SOON, lacking).await?;
    let migrated = world.stack.command(&["warehouse", "migrate", "--apply"]).await?;
    ensure!(migrated.code == 0, "{}", migrated.stderr);
    first.ready().await?;

    let (feed, events) = world.tell(size.course(dice.fork()))?;
    let mut fleet = Fleet::start(&world, server, dice.fork(), first).await?;
    for trouble in size.deck(&TROUBLE, &mut dice) {
        println!("{:7.1} s  {trouble:?}", began.elapsed().as_secs_f64());
        fleet.meet(trouble).await?;
    }
    println!("{:7.1} s  all is well, {} commits came too late", began.elapsed().as_secs_f64(), fleet.refused);
    let patience = size.lasts + SOON;
    let fed = feed.stop_within(patience).await?;
    println!("{:7.1} s  all are sent", began.elapsed().as_secs_f64());
    exact::contained(&world, &fed, patience).await?;
    let (members, server) = fleet.end();
    exact::left(members).await?;
    let found = world.stack.folder().join("found.jsonl");
    exact::rows(&server.url, &found).await?;
    exact::same(&events, &found).await?;
    println!("{} events, {:.1?} in all", fed.ids.len(), began.elapsed());
    Ok(())
}
