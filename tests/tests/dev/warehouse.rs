//! Where `[warehouse]` is configured, `dev` runs it as well, on a file.

use anyhow::{Result, ensure};
use okr_tests::until;
use serde_json::Value;

use crate::home::{Dev, SOON};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_a_row_where_the_warehouse_is_configured() -> Result<()> {
    let dev = Dev::start_with(&["--set", "warehouse.schema=okr"]).await?;
    let sent = dev.command(&["send"]).await?;
    ensure!(sent.code == 0, "{sent:?}");
    let row = async || {
        let said = dev.command(&["warehouse", "status", "--json"]).await.ok()?;
        let said: Value = serde_json::from_str(&said.stdout).ok()?;
        (said["events"] == 1 && said["lag"] == 0 && said["gaps"] == 0).then_some(())
    };
    until("a row", SOON, row).await?;
    let told = dev.command(&["resume", "warehouse"]).await?;
    ensure!(told.code == 0 && told.stderr.contains("nothing of warehouse is halted"), "{told:?}");
    Ok(())
}
