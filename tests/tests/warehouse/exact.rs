//! What must be true at the end, whatever has happened.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    pin::pin,
    time::Duration,
};

use anyhow::{Result, anyhow, ensure};
use futures::TryStreamExt;
use okr_tests::{Python, Role};
use store::testing::connect;

use crate::{
    feed::Fed,
    world::{SOON, World},
};

/// The tables, and the columns of theirs that leave the machine: of events those that the script computes.
const TABLES: [(&str, &str); 3] = [
    (
        "okr_events",
        "event_id, revision, subject_uid, change, progress, department, source_sequence, source_delivery_id",
    ),
    ("okr_state", "*"),
    ("okr_progress_daily", "*"),
];

/// Everything on the topic is contained soon, without a gap, and nothing but what is no event is a dead letter.
pub async fn contained(world: &World, fed: &Fed, soon: Duration) -> Result<()> {
    let said = world.all_contained_within(soon).await?;
    ensure!(said["gaps"] == 0, "{said}");
    let topic = &said["topic"];
    ensure!(
        topic["contained"] == fed.records && topic["records"] == fed.records,
        "{} fed: {said}",
        fed.records
    );
    let (buried, letters) = world.buried().await?;
    ensure!(buried == fed.poison, "{buried:?} instead of {:?}", fed.poison);
    println!("{} records, {} repeats, {letters} dead letters", fed.records, fed.repeats);
    world.committed().await
}

/// Writes the rows of a server's tables as lines of JSON.
pub async fn rows(url: &str, path: &Path) -> Result<()> {
    let client = connect(url).await.map_err(|error| anyhow!(error))?;
    let mut file = BufWriter::new(File::create(path)?);
    for (table, columns) in TABLES {
        let sql = format!("SELECT row_to_json(t)::text FROM (SELECT {columns} FROM okr.{table}) t");
        let mut rows = pin!(client.query_raw(&sql, Vec::<i32>::new()).await?);
        while let Some(row) = rows.try_next().await? {
            writeln!(file, "{{\"table\": \"{table}\", \"row\": {}}}", row.try_get::<_, &str>(0)?)?;
        }
    }
    Ok(file.flush()?)
}

/// That the tables hold what a script makes of the events; `found` is what [`rows`] has written, or an embedded file.
pub async fn same(events: &Path, found: &Path) -> Result<()> {
    let said = Python::run("warehouse/compare.py", &[events, found]).await?;
    print!("{said}");
    Ok(())
}

/// They leave in peace, and none of them has stood still until a person came.
pub async fn left(members: impl IntoIterator<Item = Role>) -> Result<()> {
    for member in members {
        ensure!(member.ended().is_none(), "a member ended by itself: {}", member.tail());
        let halts = member.metric("okr_worker_halted_count", "").await?;
        ensure!(halts == 0.0, "a member halted: {}", member.tail());
        ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    }
    Ok(())
}
