//! From a refusal for good to a delivery: list, redrive, redrive once more, drop.

use anyhow::{Context, Result, ensure};
use okr_tests::Python;
use serde_json::{Value, json};

use crate::{
    crash, poison,
    world::{Home, effects},
};

/// One world, one case after the other: each looks at all letters that there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_listed_sent_back_to_whom_they_failed_for_and_dropped() -> Result<()> {
    let mut home = Home::start(&[]).await?;
    redrive(&home).await.context("redrive")?;
    poison::poison(&home).await.context("poison")?;
    crash::crash(&mut home).await.context("crash")?;
    emptied(&home).await.context("emptied")
}

/// Records that were deleted are not waited for.
async fn emptied(home: &Home) -> Result<()> {
    let topic = "okr.dead.notifier";
    let partitions: Vec<Value> =
        (0..6).map(|partition| json!({ "topic": topic, "partition": partition, "offset": -1 })).collect();
    let file = home.stack.folder().join("delete.json");
    std::fs::write(&file, json!({ "version": 1, "partitions": partitions }).to_string())?;
    let args = ["--offset-json-file", &file.display().to_string()];
    home.kafka.tool("org.apache.kafka.tools.DeleteRecordsCommand", &args).await?;
    let none = home.json(&["dead", "list", "--dropped"]).await?;
    ensure!(none.as_array().is_some_and(Vec::is_empty), "{none}");
    Ok(())
}

async fn redrive(home: &Home) -> Result<()> {
    home.desk(false);
    let ids = home.check_in("first", 3).await?;
    home.wait_for("/probe", 0, 3).await?;
    let groups = home.letters(&["--target", "desk"], 3).await?;
    let group = &groups[0];
    ensure!(groups.as_array().is_some_and(|groups| groups.len() == 1), "{groups}");
    for (field, value) in
        [("service", "notifier"), ("target", "desk"), ("reason", "not_found"), ("department", "sales")]
    {
        ensure!(group[field] == value, "{field} is not {value}: {group}");
    }
    ensure!(group["letters"] == 3 && group["oldest"].is_string() && group["newest"].is_string(), "{group}");
    let none = home.json(&["dead", "list", "--target", "probe"]).await?;
    ensure!(none.as_array().is_some_and(Vec::is_empty), "{none}");

    home.desk(true);
    let dry = home.json(&["dead", "redrive", "--target", "desk"]).await?;
    ensure!(dry["applied"] == false && dry["letters"] == 3 && dry["sent"] == 0, "{dry}");
    ensure!(home.records("okr.replay.notifier").await? == 0, "a dry run sends nothing");
    ensure!(home.records("okr.audit").await? == 0, "a dry run notes nothing");
    let unsaid = home.stack.command(&["dead", "redrive", "--target", "desk", "--apply"]).await?;
    ensure!(unsaid.code != 0 && unsaid.stderr.contains("--why"), "{unsaid:?}");

    let first = applied(home).await?;
    let got = home.wait_for("/desk", 0, 3).await?;
    let expected = ids.iter().map(|id| format!("notifier/{id}/desk/{first}")).collect();
    ensure!(effects(&got) == expected, "{:?} and not {expected:?}", effects(&got));
    let events: Vec<Value> = got.iter().map(|seen| seen.json()["event_id"].clone()).collect();
    ensure!(events.iter().all(|id| id.as_str().is_some_and(|id| ids.contains(id))), "{events:?}");

    let second = applied(home).await?;
    ensure!(first != second, "on purpose it is another run");
    home.wait_for("/desk", 3, 3).await?;
    // Whatever else was on its way to either target has come by the time that this has.
    home.check_in("behind", 1).await?;
    home.wait_for("/probe", 3, 1).await?;
    home.wait_for("/desk", 6, 1).await?;
    ensure!(home.accepted("/desk", 0).len() == 7, "each run delivers once");
    ensure!(home.accepted("/probe", 0).len() == 4, "the other target gets nothing of it");
    audited(home, &[&first, &second]).await?;

    let open = home.json(&["dead", "list", "--open"]).await?;
    ensure!(open.as_array().is_some_and(Vec::is_empty), "all were sent back: {open}");
    drop_them(home).await
}

async fn applied(home: &Home) -> Result<String> {
    let words =
        ["dead", "redrive", "--target", "desk", "--apply", "--why", "the desk is back", "--rate", "none"];
    let done = home.json(&words).await?;
    ensure!(done["applied"] == true && done["sent"] == 3, "{done}");
    Ok(done["run"].as_str().context("no run")?.to_owned())
}

/// Who, what and why stand in the audit, where a client that shares no line with us reads them.
async fn audited(home: &Home, runs: &[&str]) -> Result<()> {
    let world = home.stack.world();
    let entries = Python::read_all(&world.broker, &world.registry, "okr.audit").await?;
    for run in runs {
        let entries: Vec<&Value> =
            entries.iter().map(|entry| &entry["value"]).filter(|entry| entry["run"] == *run).collect();
        let stages: Vec<&Value> = entries.iter().map(|entry| &entry["stage"]).collect();
        ensure!(stages == ["begun", "finished"], "{entries:?}");
        for entry in entries {
            ensure!(entry["who"] == "tester" && entry["why"] == "the desk is back", "{entry}");
            ensure!(entry["verb"] == "redrive" && entry["object"] == "okr.dead.notifier", "{entry}");
            ensure!(entry["counts"]["letters"] == 3 && entry["details"]["target"] == "desk", "{entry}");
        }
    }
    Ok(())
}

async fn drop_them(home: &Home) -> Result<()> {
    let dry = home.json(&["dead", "drop", "--target", "desk"]).await?;
    ensure!(dry["applied"] == false && dry["letters"] == 3, "{dry}");
    home.letters(&["--target", "desk"], 3).await?;
    let done = home.json(&["dead", "drop", "--target", "desk", "--apply", "--why", "seen"]).await?;
    ensure!(done["applied"] == true && done["letters"] == 3, "{done}");
    let left = home.json(&["dead", "list"]).await?;
    ensure!(left.as_array().is_some_and(Vec::is_empty), "{left}");
    let none = home.json(&["dead", "redrive", "--target", "desk"]).await?;
    ensure!(none["letters"] == 0, "{none}");
    let still = home.letters(&["--dropped"], 3).await?;
    ensure!(still[0]["dropped"] == 3, "{still}");
    Ok(())
}
