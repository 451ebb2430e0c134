//! docs/warehouse.md, "From nothing to a chart", as somebody goes through it.

use anyhow::{Context, Result, anyhow, ensure};
use okr_tests::{Done, until};
use serde_json::Value;
use store::testing::Cluster;

use crate::home::{Dev, SOON};

const PAGE: &str = include_str!("../../../docs/warehouse.md");

/// What the page asks of `sqlite3`, for machines that have Python alone.
const SQLITE3: &str = r#"#!/usr/bin/env python3
import sqlite3, sys
place, query = (word for word in sys.argv[1:] if not word.startswith("-"))
for row in sqlite3.connect(place).execute(query):
    print(*row, sep=" | ")
"#;

/// The blocks of the page's first part, without `dev` itself, which goes on.
fn blocks() -> Result<Vec<String>> {
    let part = PAGE.split("\n## ").nth(1).context("no first part")?;
    ensure!(part.starts_with("From nothing to a chart\n"), "it begins with another part: {part:.40}");
    let blocks = part.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let is_dev = |line: &&str| line.starts_with("okr-router dev");
    Ok(blocks
        .map(|block| block.lines().filter(|line| !is_dev(line)).collect::<Vec<_>>().join("\n"))
        .collect())
}

/// A chart has a bar for each of two departments in each of nine weeks, the longest of 18 signs.
fn drawn(chart: &Done) -> Result<()> {
    ensure!(chart.code == 0, "{chart:?}");
    let bars = chart.stdout.lines().filter(|line| line.trim_end().ends_with('#')).count();
    let longest = chart.stdout.matches(&"#".repeat(18)).count();
    ensure!(bars == 18 && longest == 1, "{bars} bars: {}", chart.stdout);
    Ok(())
}

async fn contained(dev: &Dev, flags: &[&str]) -> Result<()> {
    let look = async || {
        let said = dev.command(&[&["warehouse", "status", "--json"], flags].concat()).await.ok()?;
        let said: Value = serde_json::from_str(&said.stdout).ok()?;
        (said["events"] == 18 && said["subjects"] == 2 && said["lag"] == 0).then_some(())
    };
    until("18 rows and no lag", SOON, look).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_charts_of_the_page_are_drawn() -> Result<()> {
    let blocks = blocks()?;
    let [start, tell, on_file, make, on_server] = blocks.as_slice() else {
        return Err(anyhow!("the page has other steps now: {blocks:?}"));
    };
    ensure!(start.is_empty(), "there is more to do before it starts: {start}");
    let cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    let mut dev = Dev::start_with(&["--set", "warehouse.schema=okr"]).await?;
    dev.program("sqlite3", SQLITE3)?;
    let told = dev.shell(tell, &[]).await?;
    ensure!(told.code == 0 && told.stdout.contains("okr_events"), "{told:?}");
    contained(&dev, &[]).await?;
    drawn(&dev.shell(on_file, &[]).await?)?;

    dev.process.signal("TERM")?;
    dev.process.end(SOON).await?;
    let url = cluster.url("okr");
    let host = url.split('@').nth(1).and_then(|rest| rest.split('/').next()).context("no host")?;
    let server = [("PGHOST", host.replace("%2F", "/")), ("PGUSER", "postgres".to_owned())];
    let made = dev.shell(&format!("{make}\necho \"$url\""), &server).await?;
    ensure!(made.code == 0, "{made:?}");
    let flag = format!("warehouse.url={}", made.stdout.lines().last().context("no url")?);
    dev.restart_with(&["--set", &flag]).await?;
    contained(&dev, &["--set", &flag]).await?;
    drawn(&dev.shell(on_server, &server).await?)
}
