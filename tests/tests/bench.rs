//! `okr-router bench` does what it says and says what it measured. How fast that was is for people to read.

use anyhow::{Context, Result, ensure};
use okr_tests::{Kafka, Stack, World};
use serde_json::Value;

#[tokio::test]
async fn the_bench_of_the_worker_measures_both_loops_and_clears_up() -> Result<()> {
    let kafka = Kafka::start().await?;
    let registry = "http://127.0.0.1:9".to_owned(); // Never asked.
    let stack = Stack::new(World { broker: kafka.address().to_owned(), registry, ..World::default() })?;
    let done = stack.command(&["bench", "worker", "--records", "2000", "--rounds", "1", "--json"]).await?;
    ensure!(done.code == 0, "it ended with {}: {}{}", done.code, done.stdout, done.stderr);
    let report: Value = serde_json::from_str(&done.stdout).with_context(|| done.stdout.clone())?;
    for part in ["bare_loop", "runtime", "slow_handler"] {
        let rate = report[part]["records_per_second"]["median"].as_f64();
        ensure!(rate.is_some_and(|rate| rate > 0.0), "{part} of {report}");
    }
    let bar = report["bar"].as_array().context("no bar")?;
    ensure!(bar.len() == 3 && bar.iter().all(|line| line["met"].is_boolean()), "{report}");
    let topics = kafka.tool("org.apache.kafka.tools.TopicCommand", &["--list"]).await?;
    ensure!(!topics.contains("okr.bench."), "it left its topic behind: {topics}");
    Ok(())
}
