//! Postgres is restarted as by a crash, again and again, under load.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use crate::{
    evidence::{accepted, exact},
    world::{CONCURRENCY, SOON, TARGETS, World, postgres},
};

const RESTARTS: usize = 5;

/// How long a mark may take that was on its way when Postgres went down.
const MARK: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn immediate_restarts_of_postgres_under_load_repeat_only_what_was_being_sent() -> Result<()> {
    let (mut cluster, database) = postgres().await?;
    let world = World::on(&database.url).await?;
    let _gateway = world.stack.role("gateway").await?;
    let members = world.notifiers(2).await?;
    let load = world.load("restarts");
    load.more_accepted(100, SOON).await?;
    let mut faults = Vec::new();
    for _ in 0..RESTARTS {
        let down = Instant::now();
        cluster.stop();
        cluster.up().await.map_err(|error| anyhow!(error))?;
        faults.push((down, Instant::now()));
        // It is used again before it goes once more.
        world.more_arrive(60).await?;
    }
    let ids = accepted(&load.stop().await)?;
    let repeats = exact(&world, &ids, &members.iter().collect::<Vec<_>>()).await?;
    for member in &members {
        ensure!(member.ended().is_none(), "{}", member.tail());
        member.ready_within(SOON).await?;
    }

    let is_hit =
        |first: Instant| faults.iter().any(|(down, up)| first + MARK >= *down && first <= *up + MARK);
    for repeat in &repeats {
        ensure!(is_hit(repeat.first), "{} was sent again, and no restart hit it", repeat.effect);
    }
    let most = RESTARTS * TARGETS * CONCURRENCY;
    ensure!(repeats.len() <= most, "{} repeats are more than was under way", repeats.len());
    let mut counted = 0.0;
    for member in &members {
        counted += member.metric("okr_outbox_ambiguous_total", "").await?;
    }
    ensure!(counted >= repeats.len() as f64, "{} repeats, but {counted} are counted", repeats.len());
    let longest = faults.iter().map(|(down, up)| *up - *down).max().unwrap_or_default();
    println!(
        "{RESTARTS} restarts (the longest took {longest:.1?}): {} events at {TARGETS} targets, {} repeats, {counted} \
         counted as possible",
        ids.len(),
        repeats.len()
    );
    Ok(())
}
