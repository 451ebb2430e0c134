//! Several members on one Postgres.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, ensure};
use okr_tests::until;
use store::testing::{Cluster, connect};
use uuid::Uuid;

use crate::world::{SOON, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_die_and_come_back_too_late_and_each_event_is_one_row() -> Result<()> {
    let mut cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    let database = cluster.database().await.map_err(|error| anyhow!(error))?;
    let world = World::start(Some(&database.url)).await?;
    let first = world.stack.start("warehouse")?;
    let lacking =
        async || first.readyz().await.ok().filter(|reply| reply.text().contains("warehouse migrate --apply"));
    until("what is missing", SOON, lacking).await?;
    let migrated = world.stack.command(&["warehouse", "migrate", "--apply"]).await?;
    ensure!(migrated.code == 0, "{}", migrated.stderr);
    first.ready().await?;

    let feed = world.feed()?;
    world.more_rows(500).await?;
    let zombie = world.member().await?;
    world.more_rows(500).await?;
    first.kill9();
    let third = world.member().await?;
    world.more_rows(500).await?;

    // It stands still until others have its partitions, and wakes up with what it had in its hands.
    let client = connect(&database.url).await.map_err(|error| anyhow!(error))?;
    let epochs = async || {
        let row = client.query_one("SELECT sum(epoch)::bigint FROM okr.okr_sink_offsets", &[]).await.ok()?;
        row.try_get::<_, i64>(0).ok()
    };
    let before = until("the epochs", SOON, epochs).await?;
    zombie.signal("STOP")?;
    until("others in its place", SOON, async || epochs().await.filter(|now| *now > before)).await?;
    world.more_rows(500).await?;
    zombie.signal("CONT")?;
    world.more_rows(500).await?;
    drop(client);

    cluster.stop();
    third.unready_within(SOON).await?;
    cluster.up().await.map_err(|error| anyhow!(error))?;
    third.ready().await?;
    world.more_rows(500).await?;
    ensure!(third.term(SOON).await? == 0, "it leaves when it is asked to: {}", third.tail());
    world.more_rows(500).await?;

    let fed = feed.stop().await?;
    let said = world.all_contained().await?;
    let client = connect(&database.url).await.map_err(|error| anyhow!(error))?;
    let rows = client.query("SELECT event_id FROM okr.okr_events", &[]).await?;
    let ids: BTreeSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    ensure!(rows.len() == fed.ids.len(), "{} rows of {} events", rows.len(), fed.ids.len());
    ensure!(ids == fed.ids, "other events than were sent");
    ensure!(said["events"] == rows.len() && said["gaps"] == 0, "{said}");
    let records = fed.ids.len() + fed.repeats as usize + fed.poison.len();
    ensure!(said["topic"]["contained"] == records && said["topic"]["records"] == records, "{said}");
    let (buried, letters) = world.buried().await?;
    ensure!(buried == fed.poison, "{buried:?} instead of {:?}", fed.poison);
    world.committed().await?;
    ensure!(zombie.ended().is_none(), "a member ended by itself: {}", zombie.tail());
    ensure!(zombie.term(SOON).await? == 0, "{}", zombie.tail());
    println!("{records} records, {} repeats, {} rows, {letters} dead letters", fed.repeats, rows.len());
    Ok(())
}
