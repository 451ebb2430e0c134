//! Somebody else locks our rows: in the opposite order, so that Postgres has to kill one of us, or for too long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, anyhow, ensure};
use okr_tests::{Answer, until};
use store::testing::{connect, run};

use crate::{
    evidence::{accepted, exact},
    world::{SOON, TARGETS, World, postgres},
};

/// So many must have been broken up by killing one of our transactions.
const DEADLOCKS: i64 = 5;

/// Locks all lanes one by one from the last to the first, against the order that members keep to, and slowly. It waits
/// for long, so that it is never the one whom Postgres kills.
const AGAINST: &str = "SET deadlock_timeout = '60s'; DO $$ DECLARE l record; BEGIN
    FOR l IN SELECT service, target, lane FROM router_lanes ORDER BY 1 DESC, 2 DESC, 3 DESC LOOP
        PERFORM 1 FROM router_lanes r WHERE r.service = l.service AND r.target = l.target AND r.lane = l.lane FOR UPDATE;
        PERFORM pg_sleep(0.02);
    END LOOP; END $$";

/// Longer than a statement of ours may take, and than a row's lease.
const HOLD: &str = "BEGIN; LOCK TABLE router_lanes IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(17); COMMIT";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlocks_and_locks_that_are_held_too_long_pass_and_nothing_is_doubled() -> Result<()> {
    let (_cluster, database) = postgres().await?;
    let name = database.url.rsplit('/').next().unwrap_or_default();
    let quickly = format!("ALTER DATABASE {name} SET deadlock_timeout = '100ms'");
    run(&database.url, &quickly).await.map_err(|error| anyhow!(error))?;
    let world = World::on(&database.url).await?;
    for target in 0..TARGETS {
        world.receiver.always(&format!("/t{target}"), Answer::Slow(Duration::from_millis(30)));
    }
    let _gateway = world.stack.role("gateway").await?;
    let member = world.stack.role("notifier").await?;
    let load = world.load("locks");
    load.more_accepted(50, SOON).await?;

    let ends = Arc::new(AtomicBool::new(false));
    let adversary = tokio::spawn(adversary(database.url.clone(), Arc::clone(&ends)));
    let watcher = connect(&database.url).await.map_err(|error| anyhow!(error))?;
    let count = format!("SELECT deadlocks FROM pg_stat_database WHERE datname = '{name}'");
    let killed = async || {
        let row = watcher.query_one(&count, &[]).await.ok()?;
        Some(row.get::<_, i64>(0)).filter(|deadlocks| *deadlocks >= DEADLOCKS)
    };
    let deadlocks = until("deadlocks", SOON, killed).await?;
    ends.store(true, Ordering::Relaxed);
    adversary.await??;

    let failures = async || member.metric("okr_store_calls_total", "store_unavailable").await;
    let before = failures().await?;
    run(&database.url, HOLD).await.map_err(|error| anyhow!(error))?;
    let timeouts = failures().await? - before;
    ensure!(timeouts > 0.0, "no statement ran out of time");
    load.more_accepted(50, SOON).await?;

    let ids = accepted(&load.stop().await)?;
    let repeats = exact(&world, &ids, &[&member]).await?;
    ensure!(repeats.is_empty(), "sent again though it was only late: {repeats:?}");
    member.ready_within(SOON).await?;
    println!("{deadlocks} deadlocks, {timeouts} calls out of time: {} events, no repeat", ids.len());
    Ok(())
}

/// Locks until it is told to end.
async fn adversary(url: String, ends: Arc<AtomicBool>) -> Result<()> {
    let client = connect(&url).await.map_err(|error| anyhow!(error))?;
    while !ends.load(Ordering::Relaxed) {
        client.batch_execute(AGAINST).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
