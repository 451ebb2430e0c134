//! A person is forgotten by command, while events that name them keep coming.

use anyhow::{Result, anyhow, ensure};
use okr::Person;
use okr_tests::{Folder, Python, until};
use serde_json::Value;
use store::testing::{Cluster, connect};

use crate::{
    feed::{Course, Sent},
    steady::steady,
    world::{SOON, World},
};

const WHO: &str = "Dana@example.com";
const FORGET: [&str; 5] = ["warehouse", "forget", "--json", "--person", WHO];

/// A third of them name the person, as one of three.
fn events() -> Course<impl Iterator<Item = Vec<Sent>> + Send + 'static> {
    let Course { blocks, pace, least } = steady();
    let named = |mut sent: Sent| {
        let part = |text: &str| Some(text.to_owned());
        let dana = Some(Person { id: part("u7"), name: part("Dana Ng"), email: part("dana@EXAMPLE.com") });
        match sent.event.source.sequence.unwrap_or_default() % 9 {
            0 => sent.event.owner = dana,
            1 => sent.event.manager = dana,
            2 => (sent.event.actor, sent.event.note) = (part("dana@example.com"), part("Dana was here")),
            3 => (sent.event.actor, sent.event.note) = (part("Max"), part("well done")),
            _ => sent.event.owner = Some(Person { name: part("Max"), ..Person::default() }),
        }
        sent
    };
    Course { blocks: blocks.map(move |block| block.into_iter().map(named).collect()), pace, least }
}

async fn forget(world: &World, more: &[&str]) -> Result<(Value, String)> {
    let done = world.stack.command(&[&FORGET, more].concat()).await?;
    ensure!(done.code == 0, "{}", done.stderr);
    Ok((serde_json::from_str(&done.stdout)?, done.stderr))
}

/// Feeds, forgets in the middle, and answers once everything is contained.
async fn forgotten(world: &World) -> Result<()> {
    let member = world.member().await?;
    let (feed, _) = world.tell(events())?;
    world.more_rows(500).await?;
    let (seen, words) = forget(world, &[]).await?;
    let counts = &seen["counts"];
    ensure!(seen["applied"] == false && seen["run"].is_null(), "{seen}");
    for name in ["events", "subjects", "owners", "managers", "actors", "notes"] {
        ensure!(counts[name].as_u64() > Some(0), "{name} in {seen}");
    }
    ensure!(words.contains("dana ng, u7") && words.contains("--apply"), "{words}");
    let kafka = seen["kafka"].as_array().cloned().unwrap_or_default();
    let events = kafka.iter().find(|kept| kept["topic"] == "okr.events");
    let until = events.and_then(|kept| kept["until"].as_str()?.parse::<jiff::Timestamp>().ok());
    let days = until.map(|until| until.duration_since(jiff::Timestamp::now()).as_hours() / 24);
    ensure!(days.is_some_and(|days| (96..=97).contains(&days)), "90 days and a file's 7: {seen}");

    let refused = world.stack.command(&[&FORGET[..], &["--apply"]].concat()).await?;
    ensure!(refused.code != 0 && refused.stderr.contains("--why"), "{}", refused.stderr);
    let (done, _) = forget(world, &["--apply", "--who", "ops", "--why", "ticket 1"]).await?;
    ensure!(
        done["applied"] == true && done["counts"]["events"].as_u64() >= counts["events"].as_u64(),
        "{done}"
    );
    world.more_rows(500).await?;
    let fed = feed.stop().await?;
    let said = world.all_contained().await?;
    ensure!(said["events"] == fed.ids.len() && said["gaps"] == 0, "{} events: {said}", fed.ids.len());
    let (left, words) = forget(world, &[]).await?;
    ensure!(left["looked_at"] == fed.ids.len() && left["counts"]["events"] == 0, "{left}");
    ensure!(left["counts"]["mentions"] == 0 && words.contains("on the list"), "{left} {words}");
    noted(world, done["run"].as_str().unwrap_or_default()).await?;
    ensure!(member.metric("okr_warehouse_events_total", "outcome=\"written\"").await? > 0.0, "no metrics");
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    Ok(())
}

/// Who, why and how much, and never whom.
async fn noted(world: &World, run: &str) -> Result<()> {
    let (broker, registry) = world.servers();
    let records = Python::read_all(broker, registry, "okr.audit").await?;
    let entries: Vec<&Value> =
        records.iter().map(|record| &record["value"]).filter(|entry| entry["run"] == run).collect();
    let stages: Vec<&Value> = entries.iter().map(|entry| &entry["stage"]).collect();
    ensure!(stages == ["begun", "finished"], "{records:?}");
    for entry in &entries {
        ensure!(
            entry["verb"] == "person_forget" && entry["who"] == "ops" && entry["why"] == "ticket 1",
            "{entry}"
        );
        let token = entry["details"]["person"].as_str().unwrap_or_default();
        ensure!(token.len() == 64, "{entry}");
        ensure!(!entry.to_string().to_lowercase().contains("dana"), "{entry}");
    }
    ensure!(entries[1]["counts"]["events"].as_u64() > Some(0), "{entries:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_forgotten_beside_the_member_that_has_the_file() -> Result<()> {
    forgotten(&World::start(None).await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_forgotten_on_a_server_and_no_table_says_them() -> Result<()> {
    let cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    let database = cluster.database().await.map_err(|error| anyhow!(error))?;
    let world = World::start(Some(&database.url)).await?;
    let migrated = world.stack.command(&["warehouse", "migrate", "--apply"]).await?;
    ensure!(migrated.code == 0, "{}", migrated.stderr);
    forgotten(&world).await?;
    let client = connect(&database.url).await.map_err(|error| anyhow!(error))?;
    for table in ["okr_events", "okr_state", "okr_progress_daily", "okr_erasures", "okr_sink_offsets"] {
        let said = format!(
            "SELECT count(*) FROM (SELECT row_to_json(t)::text AS row FROM okr.{table} t) r WHERE row ILIKE '%dana%'"
        );
        let said: i64 = client.query_one(&said, &[]).await?.get(0);
        ensure!(said == 0, "{said} rows of {table}");
    }
    let max = "SELECT count(*) FROM okr.okr_events WHERE owner_name = 'Max'";
    ensure!(number(&database.url, max).await? > 0, "the others are gone as well");
    leftovers_go(&world, &database.url).await?;
    old_notes_are_not_rebuilt(&world, &database.url).await?;
    the_list_goes_along(&world, &database.url).await
}

async fn number(url: &str, sql: &str) -> Result<i64> {
    let client = connect(url).await.map_err(|error| anyhow!(error))?;
    Ok(client.query_one(sql, &[]).await?.get(0))
}

async fn run(url: &str, sql: &str) -> Result<()> {
    Ok(connect(url).await.map_err(|error| anyhow!(error))?.batch_execute(sql).await?)
}

/// As a rebuild that was killed has left them.
async fn leftovers_go(world: &World, url: &str) -> Result<()> {
    let left = "CREATE SCHEMA okr_rebuild; COMMENT ON SCHEMA okr_rebuild IS
        'Made by okr-router warehouse rebuild, and taken away by it. 1'";
    run(url, left).await?;
    let (seen, words) = forget(world, &[]).await?;
    ensure!(seen["rebuild"].is_string() && words.contains("has rows of its own"), "{seen} {words}");
    let (_, words) = forget(world, &["--apply", "--who", "ops", "--why", "ticket 1"]).await?;
    ensure!(words.contains("a rebuild had left are gone"), "{words}");
    ensure!(forget(world, &[]).await?.0["rebuild"].is_null());
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'okr_rebuild'";
    ensure!(number(url, schemas).await? == 0, "the schema is still there");
    Ok(())
}

async fn old_notes_are_not_rebuilt(world: &World, url: &str) -> Result<()> {
    let (rows, noted) =
        ("SELECT count(*) FROM okr.okr_events", "WHERE note IS NOT NULL OR actor IS NOT NULL");
    let before = number(url, rows).await?;
    ensure!(number(url, &format!("{rows} {noted}")).await? > 0, "nobody has noted anything");
    let rebuild = ["warehouse", "rebuild", "--apply", "--who", "ops", "--why", "a test"];
    let bound = ["--set", "warehouse.notes_age_max=1s"];
    let rebuilt = world.stack.command(&[&rebuild[..], &bound].concat()).await?;
    ensure!(rebuilt.code == 0, "{}", rebuilt.stderr);
    ensure!(number(url, rows).await? == before, "rows are lost");
    ensure!(number(url, &format!("{rows} {noted}")).await? == 0, "notes have come back");
    Ok(())
}

/// Another schema of the same database, as well as it could be another server.
async fn the_list_goes_along(world: &World, url: &str) -> Result<()> {
    let exported = world.stack.command(&["warehouse", "forget", "--export"]).await?;
    ensure!(exported.code == 0 && exported.stdout.lines().count() == 1, "{exported:?}");
    let folder = Folder::new("list")?;
    let list = folder.path().join("list.ndjson");
    std::fs::write(&list, &exported.stdout)?;
    let there = ["--set", "warehouse.schema=moved"];
    let command = async |words: &[&str]| {
        let done = world.stack.command(&[&["warehouse"], words, &there].concat()).await?;
        ensure!(done.code == 0, "{}", done.stderr);
        anyhow::Ok(done)
    };
    let migrated = command(&["migrate", "--apply"]).await?;
    ensure!(migrated.stderr.contains("--import"), "{}", migrated.stderr);
    let import = list.to_string_lossy();
    let import = ["forget", "--import", &import];
    let seen = command(&import).await?;
    ensure!(seen.stderr.contains("nothing was changed"), "{}", seen.stderr);
    let taken = command(&[&import[..], &["--apply", "--who", "ops", "--why", "moved"]].concat()).await?;
    ensure!(taken.stderr.contains("forgotten"), "{}", taken.stderr);
    let member = world.stack.start_with("warehouse", &[("OKR_ROUTER__WAREHOUSE__SCHEMA", "moved")])?;
    let behind = "SELECT (SELECT count(*) FROM okr.okr_events) - (SELECT count(*) FROM moved.okr_events)";
    let filled = async || number(url, behind).await.ok().filter(|behind| *behind == 0);
    until("the new tables to be filled", SOON, filled).await?;
    let said = "SELECT count(*) FROM (SELECT row_to_json(t)::text AS row FROM moved.okr_events t) r WHERE row ILIKE '%dana%'";
    ensure!(number(url, said).await? == 0, "the person is back");
    ensure!(member.term(SOON).await? == 0, "{}", member.tail());
    Ok(())
}
