//! Left alone, `dev` costs next to nothing.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::home::Dev;

/// How long it is left alone, and over how long it is watched then: the times are what is asked for.
const ALONE: Duration = Duration::from_secs(60);
const WATCHED: Duration = Duration::from_secs(20);
const CORES_MAX: f64 = 0.15;
const MEMORY_MAX: u64 = 96_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_dev_takes_little_of_a_core_and_of_memory() -> Result<()> {
    let dev = Dev::start().await?;
    let sent = dev.command(&["send"]).await?;
    ensure!(sent.code == 0, "{sent:?}");
    dev.message("is at 42%").await?;
    tokio::time::sleep(ALONE).await;
    let before = dev.process.cpu()?;
    tokio::time::sleep(WATCHED).await;
    let cores = (dev.process.cpu()? - before).as_secs_f64() / WATCHED.as_secs_f64();
    let memory = dev.process.memory()?;
    println!("idle dev: {cores:.3} of a core, {:.1} MB resident", memory as f64 / 1e6);
    ensure!(cores <= CORES_MAX, "{cores} of a core");
    ensure!(memory <= MEMORY_MAX, "{memory} bytes");
    Ok(())
}
