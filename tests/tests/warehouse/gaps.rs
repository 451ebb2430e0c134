//! Records that expired before they were read: told by `status`, and given up by a person alone.

use anyhow::{Result, ensure};
use okr_tests::until;

use crate::world::{SOON, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_are_gone_unread_are_a_gap_until_a_person_accepts_it() -> Result<()> {
    let world = World::start(None).await?;
    let member = world.member().await?;
    let feed = world.feed()?;
    world.more_rows(500).await?;
    feed.stop().await?;
    let said = world.all_contained().await?;
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    let stood = said["partitions"][0]["next"].as_i64().unwrap_or_default();
    ensure!(stood > 0 && said["partitions"][0]["partition"] == 0, "{said}");

    let feed = world.feed()?;
    let waiting = async || {
        let (said, _) = world.status().await.ok()?;
        (said["partitions"][0]["lag"].as_i64()? > 20).then_some(())
    };
    until("records that wait", SOON, waiting).await?;
    feed.stop().await?;
    let low = stood + 10;
    let expired =
        format!(r#"{{"partitions":[{{"topic":"okr.events","partition":0,"offset":{low}}}],"version":1}}"#);
    let file = world.stack.folder().join("expired.json");
    std::fs::write(&file, expired)?;
    let file = file.display().to_string();
    world.kafka.tool("org.apache.kafka.tools.DeleteRecordsCommand", &["--offset-json-file", &file]).await?;
    let (said, is_well) = world.status().await?;
    ensure!(!is_well && said["gaps"] == 1, "{said}");
    let why = said["partitions"][0]["gap"].as_str().unwrap_or_default();
    ensure!(why.contains(&format!("from {stood} to {low} are gone")), "{said}");

    let member = world.stack.start("warehouse")?;
    let asked = async || {
        let shown = world.stack.command(&["resume", "warehouse"]).await.ok()?;
        shown.stdout.contains(&format!("okr.events/0 stands at {stood}, and {low} came")).then_some(())
    };
    until("what is missing", SOON, asked).await?;
    let words = ["resume", "warehouse", "--accept-gap", "--apply", "--why", "a test"];
    let resumed = world.stack.command(&words).await?;
    ensure!(resumed.code == 0, "{}", resumed.stderr);
    member.ready().await?;
    let said = world.all_contained().await?;
    ensure!(said["gaps"] == 0 && said["partitions"][0]["low"] == low, "{said}");
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    Ok(())
}
