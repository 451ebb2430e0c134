//! What becomes of a rebuild whose entry of the audit Kafka does not take.

use anyhow::{Context, Result, anyhow, ensure};
use okr_tests::{Python, until};
use serde_json::Value;
use store::testing::{Cluster, connect};

use crate::world::{SOON, World};

const APPLY: [&str; 7] = ["warehouse", "rebuild", "--apply", "--who", "ops", "--why", "rows were damaged"];
const ABANDON: [&str; 5] = ["warehouse", "rebuild", "--abandon", "--why", "it was cut off"];

/// What a rebuild leaves that is killed.
const LEFT: &str = "CREATE SCHEMA okr_rebuild;
    COMMENT ON SCHEMA okr_rebuild IS 'Made by okr-router warehouse rebuild, and taken away by it. 1'";

/// From here on the topic takes no entry, or takes them again.
async fn refuse(world: &World, refuses: bool) -> Result<()> {
    let change: [&str; 2] = if refuses {
        ["--add-config", "max.message.bytes=10"]
    } else {
        ["--delete-config", "max.message.bytes"]
    };
    let of = ["--alter", "--entity-type", "topics", "--entity-name", "okr.audit"];
    world.kafka.tool("kafka.admin.ConfigCommand", &[&of[..], &change].concat()).await.map(drop)
}

async fn entries(world: &World) -> Result<Vec<Value>> {
    let (broker, registry) = world.servers();
    let entries = Python::read_all(broker, registry, "okr.audit").await?;
    Ok(entries.iter().map(|record| record["value"].clone()).collect())
}

async fn count(url: &str, sql: &str) -> Result<i64> {
    let client = connect(url).await.map_err(|error| anyhow!(error))?;
    Ok(client.query_one(sql, &[]).await?.get(0))
}

const DAMAGED: &str = "SELECT count(*) FROM okr.okr_state WHERE team = 'damaged'";
const BESIDE: &str = "SELECT count(*) FROM pg_namespace WHERE nspname ~ '^okr_'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_cannot_be_noted_is_not_done_or_is_said_to_be_done() -> Result<()> {
    let cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    let database = cluster.database().await.map_err(|error| anyhow!(error))?;
    let world = World::start(Some(&database.url)).await?;
    let migrated = world.stack.command(&["warehouse", "migrate", "--apply"]).await?;
    ensure!(migrated.code == 0, "{}", migrated.stderr);
    let member = world.member().await?;
    let feed = world.feed()?;
    world.more_rows(100).await?;
    feed.stop().await?;
    world.all_contained().await?;
    let client = connect(&database.url).await.map_err(|error| anyhow!(error))?;
    client.batch_execute("UPDATE okr.okr_state SET team = 'damaged'").await?;
    let damaged = count(&database.url, DAMAGED).await?;

    refuse(&world, true).await?;
    let refused = world.stack.command(&APPLY).await?;
    ensure!(refused.code != 0 && refused.stderr.contains("nothing was filled"), "{}", refused.stderr);
    ensure!(refused.stderr.contains("okr.audit has not got the entry"), "{}", refused.stderr);
    let kept = count(&database.url, DAMAGED).await? == damaged && count(&database.url, BESIDE).await? == 0;
    ensure!(kept, "something was done");
    client.batch_execute(LEFT).await?;
    let abandoned = world.stack.command(&ABANDON).await?;
    ensure!(abandoned.code != 0 && abandoned.stderr.contains("was not taken away"), "{}", abandoned.stderr);
    ensure!(
        count(&database.url, BESIDE).await? == 1 && entries(&world).await?.is_empty(),
        "{}",
        abandoned.stderr
    );

    refuse(&world, false).await?;
    let abandoned = world.stack.command(&ABANDON).await?;
    ensure!(abandoned.code == 0 && count(&database.url, BESIDE).await? == 0, "{}", abandoned.stderr);
    let again = world.stack.command(&ABANDON).await?;
    ensure!(again.code == 0 && again.stderr.contains("no rebuild has left anything"), "{}", again.stderr);
    let noted = entries(&world).await?;
    let stages: Vec<&Value> = noted.iter().map(|entry| &entry["stage"]).collect();
    ensure!(stages == ["begun", "finished"], "{noted:?}");
    let entry = noted.last().context("it was not noted")?;
    ensure!(entry["verb"] == "warehouse_rebuild" && entry["run"] == noted[0]["run"], "{noted:?}");
    ensure!(entry["why"] == "it was cut off" && !entry["details"]["abandoned"].is_null(), "{noted:?}");

    // The exchange waits for a query, and Kafka takes the first entry alone.
    let reader = connect(&database.url).await.map_err(|error| anyhow!(error))?;
    reader.batch_execute("BEGIN; SELECT count(*) FROM okr.okr_state").await?;
    let away = async {
        let begun = async || entries(&world).await.ok().filter(|entries| entries.len() == 3);
        until("the first entry", SOON, begun).await?;
        refuse(&world, true).await?;
        reader.batch_execute("COMMIT").await?;
        anyhow::Ok(())
    };
    let (done, away) = tokio::join!(world.stack.command(&APPLY), away);
    let (done, ()) = (done?, away?);
    ensure!(
        done.code != 0 && done.stderr.contains("the new tables are in their place and need not"),
        "{}",
        done.stderr
    );
    let is_done = count(&database.url, DAMAGED).await? == 0 && count(&database.url, BESIDE).await? == 0;
    ensure!(is_done, "{}", done.stderr);
    let stages: Vec<Value> = entries(&world).await?.iter().map(|entry| entry["stage"].clone()).collect();
    ensure!(stages == ["begun", "finished", "begun"], "{stages:?}");
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    Ok(())
}
