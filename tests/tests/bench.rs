//! `okr-router bench` does what it says and says what it measured. How fast that was is for people to read.

use anyhow::{Context, Result, anyhow, ensure};
use okr_tests::{Done, Folder, Kafka, Stack, World};
use serde_json::Value;
use store::testing::{Cluster, connect};

/// What a bench with `--check` measured; its exit code says whether the bar is met, and there is no other.
fn report(done: &Done) -> Result<Value> {
    let Done { code, stdout, stderr } = done;
    let report: Value = serde_json::from_str(stdout).with_context(|| format!("{stdout}{stderr}"))?;
    let met = report["met"].as_bool().with_context(|| stdout.clone())?;
    ensure!(*code == i32::from(!met), "it ended with {code}: {stdout}{stderr}");
    Ok(report)
}

#[tokio::test]
async fn the_bench_of_the_gateway_measures_three_servers_and_clears_up() -> Result<()> {
    let (kafka, registry) = tokio::try_join!(Kafka::own(), okr_tests::registry())?;
    let (broker, registry) = (kafka.address().to_owned(), registry.url().to_owned());
    let stack = Stack::new(World { broker, registry, ..World::default() })?;
    let small = ["--requests", "40", "--rounds", "1", "--connections", "2,3", "--strolls", "20"];
    let words = [["bench", "ingest", "--check", "--json"].as_slice(), &small].concat();
    let report = report(&stack.command(&words).await?)?;
    let courses = report["courses"].as_array().context("no courses")?;
    ensure!(courses.len() == 2, "{report}");
    for server in courses.iter().filter_map(|course| course["servers"].as_array()).flatten() {
        ensure!(server["per_second"]["median"].as_f64() > Some(0.0), "{report}");
    }
    for server in report["servers"].as_array().context("no servers")? {
        ensure!(server["p50_ms"].as_f64() > Some(0.0), "{report}");
    }
    let topics = kafka.tool("org.apache.kafka.tools.TopicCommand", &["--list"]).await?;
    ensure!(!topics.contains("okr.bench."), "it left its topic behind: {topics}");
    let again = stack.command(&words).await?;
    ensure!(again.code == 1 && again.stderr.contains("okr.events holds records"), "{}", again.stderr);
    Ok(())
}

#[tokio::test]
async fn the_bench_of_the_worker_measures_both_loops_and_clears_up() -> Result<()> {
    let kafka = Kafka::start().await?;
    let registry = "http://127.0.0.1:9".to_owned(); // Never asked.
    let stack = Stack::new(World { broker: kafka.address().to_owned(), registry, ..World::default() })?;
    let done = stack
        .command(&["bench", "worker", "--records", "2000", "--rounds", "1", "--check", "--json"])
        .await?;
    let report = report(&done)?;
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

/// Runs a small bench of the outbox on the store of `url` and looks at the shape of what it says.
async fn outbox(url: &str, home: &str) -> Result<()> {
    let (broker, registry) = ("127.0.0.1:9".to_owned(), "http://127.0.0.1:9".to_owned()); // Never asked.
    let stack = Stack::new(World { broker, registry, store: url.to_owned(), ..World::default() })?;
    let small =
        ["--targets", "5", "--events", "60", "--rounds", "2", "--history", "30,10", "--check", "--json"];
    let done = stack.command(&[["bench", "outbox"].as_slice(), &small].concat()).await?;
    let report = report(&done)?;
    let bar = if home == "postgres" { 2_000.0 } else { 1_000.0 };
    ensure!(report["store"] == home && report["bar"]["per_second"] == bar, "{report}");
    ensure!(report["met"].is_boolean() && report["misses"].is_array(), "{report}");
    let rate = |part: &Value| part["per_second"].as_f64().unwrap_or_default();
    let histories = report["histories"].as_array().context("no histories")?;
    let rows: Vec<_> = histories.iter().filter_map(|history| history["rows"].as_u64()).collect();
    ensure!(rows == [10, 30] && report["rate_share"].is_f64(), "{report}");
    for part in histories.iter().chain([&report["floor"]]) {
        ensure!(rate(part) > 0.0 && part["rounds"].as_array().is_some_and(|all| all.len() == 2), "{report}");
    }
    // To plan, to take and to mark is three at least.
    let rounds = histories.iter().filter_map(|history| history["rounds"].as_array()).flatten();
    ensure!(rounds.clone().count() == 4, "{report}");
    for round in rounds {
        ensure!(round["commits"].as_u64() >= Some(3), "{report}");
    }
    Ok(())
}

#[tokio::test]
async fn the_bench_of_the_outbox_measures_an_embedded_store_and_clears_up() -> Result<()> {
    let folder = Folder::new("bench")?;
    outbox(&format!("file:{}", folder.join("state.db").display()), "embedded").await?;
    let left = std::fs::read_dir(folder.path())?.count();
    ensure!(left == 0, "it left {left} files behind");
    Ok(())
}

#[tokio::test]
async fn the_bench_of_the_outbox_measures_postgres_and_clears_up() -> Result<()> {
    let cluster = Cluster::start().await.map_err(|error| anyhow!(error))?;
    let database = cluster.database().await.map_err(|error| anyhow!(error))?;
    outbox(&database.url, "postgres").await?;
    let client = connect(&database.url).await.map_err(|error| anyhow!(error))?;
    let left = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'okr%'
        UNION SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
    let left = client.query(left, &[]).await?.len();
    ensure!(left == 0, "it left {left} schemas or tables behind");
    Ok(())
}

/// Runs a small bench of the warehouse at `url` and looks at the shape of what it says.
async fn warehouse(url: &str, home: &str) -> Result<()> {
    let kafka = Kafka::start().await?;
    let registry = "http://127.0.0.1:9".to_owned(); // Never asked.
    let sections =
        "[warehouse]\nurl = { env = \"WAREHOUSE_URL\" }\n[worker.batch]\nrecords_max = 300\n".to_owned();
    let env = vec![("WAREHOUSE_URL".to_owned(), url.to_owned())];
    let broker = kafka.address().to_owned();
    let stack = Stack::new(World { broker, registry, sections, env, ..World::default() })?;
    let small = ["--records", "1500", "--subjects", "50", "--rounds", "2", "--singles", "10"];
    let words = [["bench", "warehouse", "--check", "--json"].as_slice(), &small].concat();
    let report = report(&stack.command(&words).await?)?;
    ensure!(report["home"] == home && report["rounds"] == 2, "{report}");
    for part in ["plain_copy", "warehouse"] {
        ensure!(report[part]["rows_per_second"]["min"].as_f64() > Some(0.0), "{part} of {report}");
    }
    let table = |name: &str| report["tables"][name].as_u64().unwrap_or_default();
    ensure!(table("okr_events") < 1_500 && table("okr_events") > 1_400, "{report}");
    ensure!(table("okr_state") == 50 && table("okr_progress_daily") > 50, "{report}");
    ensure!(report["single_event_ms"]["p99"].as_f64() > Some(0.0), "{report}");
    let bar = report["bar"].as_array().context("no bar")?;
    ensure!(bar.len() == 3 && bar.iter().all(|line| line["met"].is_boolean()), "{report}");
    let topics = kafka.tool("org.apache.kafka.tools.TopicCommand", &["--list"]).await?;
    ensure!(!topics.contains("okr.bench."), "it left its topic behind: {topics}");
    Ok(())
}

#[tokio::test]
async fn the_bench_of_the_warehouse_measures_an_embedded_file_and_clears_up() -> Result<()> {
    let folder = Folder::new("bench")?;
    warehouse(&format!("file:{}", folder.join("warehouse.db").display()), "embedded").await?;
    let left = std::fs::read_dir(folder.path())?.count();
    ensure!(left == 0, "it left {left} files behind");
    Ok(())
}

#[tokio::test]
async fn the_bench_of_the_warehouse_measures_postgres_and_clears_up() -> Result<()> {
    let cluster = Cluster::start().await.map_err(|error| anyhow!(error))?;
    let database = cluster.database().await.map_err(|error| anyhow!(error))?;
    warehouse(&database.url, "postgres").await?;
    let client = connect(&database.url).await.map_err(|error| anyhow!(error))?;
    let left = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'okr%'
        UNION SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
    let left = client.query(left, &[]).await?.len();
    ensure!(left == 0, "it left {left} schemas or tables behind");
    Ok(())
}
