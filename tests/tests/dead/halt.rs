//! A fuse that blows: halted over restarts, until `resume` ends it.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::world::{Home, SOON};

/// Four unreadable records in a row, where three are too many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blown_fuse_halts_over_a_restart_until_it_is_resumed() -> Result<()> {
    let mut home = Home::start(&[("OKR_ROUTER__WORKER__FUSE__IN_A_ROW", "3")]).await?;
    for number in 0..5 {
        home.put_raw(&format!("poison-{number}"), b"\x07").await?;
    }
    let why = home.notifier.unready_within(SOON).await?;
    ensure!(why.contains("halted: ") && why.contains("in a row"), "{why}");
    home.check_in("waiting", 1).await?;
    halted(&home).await?;

    home.notifier.kill9();
    home.notifier = home.stack.start("notifier")?;
    let why = okr_tests::until("the halt in /readyz", SOON, async || {
        let said = home.notifier.readyz().await.ok()?.text();
        said.contains("halted: ").then_some(said)
    })
    .await?;
    ensure!(why.contains("in a row"), "{why}");
    ensure!(home.accepted("/probe", 0).is_empty(), "nothing is consumed while it is halted");

    let dry = halted(&home).await?;
    ensure!(dry["applied"] == false && dry["halts"][0]["consumer"] == "notifier", "{dry}");
    let unknown = home.stack.command(&["resume", "notfier"]).await?;
    ensure!(unknown.code != 0 && unknown.stderr.contains("notifier"), "{unknown:?}");
    let done = home.json(&["resume", "notifier", "--apply", "--why", "the records are known"]).await?;
    ensure!(done["applied"] == true && done["halts"] == dry["halts"], "{done}");
    home.wait_for("/probe", 0, 1).await?;
    home.notifier.ready_within(SOON).await?;
    home.letters(&["--reason", "frame"], 5).await?;
    ensure!(home.records("okr.audit").await? == 1, "the audit says who did it");

    // With nobody there the command takes the file itself.
    home.notifier.term(SOON).await?;
    let nothing = home.json(&["resume", "notifier"]).await?;
    ensure!(nothing["halts"].as_array().is_some_and(Vec::is_empty), "{nothing}");
    Ok(())
}

/// What `resume` would end, asked through the process that holds the file, once the halt is kept there.
async fn halted(home: &Home) -> Result<Value> {
    okr_tests::until("the halt in the store", SOON, async || {
        let dry = home.json(&["resume", "notifier"]).await.ok()?;
        dry["halts"].get(0).is_some().then_some(dry)
    })
    .await
}
