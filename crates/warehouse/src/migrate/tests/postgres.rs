//! The steps on a real Postgres.

use futures::future::try_join_all;
use store::testing::{Cluster, Database, connect};
use tokio_postgres::Client;

use super::super::{
    MigrateError, Migration, Step,
    postgres::{STEPS, fits},
};

/// A step that a later release adds, and one that cannot be applied.
const MORE: Step = Step {
    version: STEPS.len() as i64 + 1,
    name: "region",
    sql: "ALTER TABLE okr_events ADD COLUMN region text; COMMENT ON COLUMN okr_events.region IS 'Where.'",
};
const BROKEN: Step =
    Step { name: "broken", sql: "CREATE TABLE okr_half (a integer); SELECT nothing", ..MORE };

/// A row as a program writes it that knows no more columns than these.
const WRITE: &str = "INSERT INTO okr.okr_events (event_id, revision, occurred_at, received_at, source_name, source_kind,
    change, subject_type, subject_namespace, subject_id, status, attributes, subject_uid, ordered_at, kafka_topic,
    kafka_partition, kafka_offset) SELECT gen_random_uuid(), 0, now(), now(), 's', 'okr', 'created', 'objective', 'n', 'i',
    'unknown', '{}', gen_random_uuid(), now(), 't', 0, 0 FROM generate_series(1, 100)";

async fn place() -> (Cluster, Database, Client) {
    let cluster = Cluster::start().await.expect("a cluster");
    let database = cluster.database().await.expect("a database");
    let client = connect(&database.url).await.expect("a connection");
    (cluster, database, client)
}

fn with(step: Step) -> Vec<Step> {
    STEPS.iter().copied().chain([step]).collect()
}

async fn one<T: for<'a> tokio_postgres::types::FromSql<'a>>(client: &Client, sql: &str) -> T {
    client.query_one(sql, &[]).await.expect("an answer").get(0)
}

#[tokio::test]
async fn a_plan_changes_nothing_and_an_application_does_it_once() {
    let (_cluster, _database, mut client) = place().await;
    let migration = Migration::new("okr");
    let plan = migration.plan(&client).await.expect("a plan");
    assert_eq!((plan.found, plan.pending.as_slice()), (0, STEPS));
    assert!(
        !one::<bool>(&client, "SELECT to_regnamespace('okr') IS NOT NULL").await,
        "a plan made the schema"
    );
    assert_eq!(migration.apply(&mut client).await.expect("applied"), plan);
    let noted: i64 =
        one(&client, "SELECT count(*) FROM okr.okr_migrations WHERE length(checksum) = 64").await;
    assert_eq!(noted, STEPS.len() as i64);
    let again = migration.apply(&mut client).await.expect("nothing to do");
    assert_eq!((again.found, again.pending.len()), (STEPS.len() as i64, 0));
    // Nothing of it stays with the connection.
    assert_eq!(one::<String>(&client, "SHOW search_path").await, "\"$user\", public");
}

#[tokio::test]
async fn a_schema_may_have_any_name_and_stand_beside_another() {
    let (_cluster, _database, mut client) = place().await;
    for name in ["okr", "Umsatz & \"Ziele\""] {
        Migration::new(name).apply(&mut client).await.expect("applied");
    }
    let tables: i64 = one(&client, "SELECT count(*) FROM pg_tables WHERE tablename = 'okr_events'").await;
    assert_eq!(tables, 2);
}

#[tokio::test]
async fn members_that_start_together_migrate_once() {
    let (_cluster, database, _client) = place().await;
    let member = || async {
        let mut client = connect(&database.url).await.expect("a connection");
        Migration::new("okr").apply(&mut client).await
    };
    let plans = try_join_all((0..4).map(|_| member())).await.expect("all of them");
    let worked = plans.iter().filter(|plan| !plan.pending.is_empty()).count();
    assert_eq!(worked, 1, "{plans:?}");
}

#[tokio::test]
async fn who_may_not_change_anything_still_finds_it_up_to_date() {
    let (_cluster, _database, mut client) = place().await;
    Migration::new("okr").apply(&mut client).await.expect("applied");
    let reader = format!("reader_{}", uuid::Uuid::now_v7().simple());
    let make = format!(
        "CREATE ROLE {reader}; GRANT USAGE ON SCHEMA okr TO {reader};
         GRANT SELECT ON ALL TABLES IN SCHEMA okr TO {reader}; SET ROLE {reader}"
    );
    client.batch_execute(&make).await.expect("a reader");
    Migration::new("okr").apply(&mut client).await.expect("nothing to do");
    let steps = with(MORE);
    let refused = Migration::of("okr", &steps).apply(&mut client).await.expect_err("it may not");
    assert!(matches!(refused, MigrateError::Refused { .. }), "{refused:?}");
    let clear = format!("RESET ROLE; DROP OWNED BY {reader}; DROP ROLE {reader}");
    client.batch_execute(&clear).await.expect("gone");
}

#[tokio::test]
async fn a_newer_or_another_database_is_refused_untouched() {
    let (_cluster, _database, mut client) = place().await;
    let steps = with(MORE);
    Migration::of("okr", &steps).apply(&mut client).await.expect("applied");
    let newer = Migration::new("okr").apply(&mut client).await.expect_err("it is newer");
    assert!(matches!(newer, MigrateError::Newer { .. }), "{newer:?}");
    let other = with(Step { sql: "SELECT 1", ..MORE });
    for refused in [
        Migration::of("okr", &other).plan(&client).await.expect_err("another step"),
        Migration::of("okr", &other).apply(&mut client).await.expect_err("another step"),
    ] {
        assert!(matches!(&refused, MigrateError::Other { name, .. } if name == "region"), "{refused:?}");
    }
    assert_eq!(one::<i64>(&client, "SELECT max(version) FROM okr.okr_migrations").await, MORE.version);
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_behind() {
    let (_cluster, _database, mut client) = place().await;
    let steps = with(BROKEN);
    let refused = Migration::of("okr", &steps).apply(&mut client).await.expect_err("it cannot");
    let step = format!("in step {} (broken): column \"nothing\" does not exist", BROKEN.version);
    assert!(refused.to_string().contains(&step), "{refused}");
    assert!(!one::<bool>(&client, "SELECT to_regnamespace('okr') IS NOT NULL").await);
    Migration::new("okr").apply(&mut client).await.expect("the connection is good, too");
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let (_cluster, database, client) = place().await;
    let name = format!("latin_{}", uuid::Uuid::now_v7().simple());
    let make =
        format!("CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
    client.batch_execute(&make).await.expect("a database");
    let own = client.query_one("SELECT current_database()::text", &[]).await.expect("a name");
    let url = database.url.replace(own.get::<_, &str>(0), &name);
    let mut latin = connect(&url).await.expect("a connection");
    for refused in [
        Migration::new("okr").plan(&latin).await.map(drop).expect_err("a plan"),
        Migration::new("okr").apply(&mut latin).await.map(drop).expect_err("an application"),
    ] {
        assert!(matches!(&refused, MigrateError::Encoding(found) if found == "LATIN1"), "{refused:?}");
    }
    assert!(!one::<bool>(&latin, "SELECT to_regnamespace('okr') IS NOT NULL").await);
    drop(latin);
    client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("gone");
}

#[tokio::test]
async fn a_new_column_rewrites_no_row_and_older_writers_go_on() {
    let (_cluster, database, mut client) = place().await;
    Migration::new("okr").apply(&mut client).await.expect("applied");
    let older = connect(&database.url).await.expect("a connection");
    let write = older.prepare(WRITE).await.expect("a writer of the release before");
    older.execute(&write, &[]).await.expect("written");
    let file = "SELECT pg_relation_filenode('okr.okr_events')::bigint";
    let before: i64 = one(&client, file).await;
    let steps = with(MORE);
    let plan = Migration::of("okr", &steps).apply(&mut client).await.expect("applied");
    assert_eq!(plan.pending, [MORE]);
    assert_eq!(one::<i64>(&client, file).await, before, "the table was written anew");
    older.execute(&write, &[]).await.expect("written by the same statement");
    let rows: i64 = one(&client, "SELECT count(*) FROM okr.okr_events WHERE region IS NULL").await;
    assert_eq!(rows, 200);
}

#[tokio::test]
async fn a_long_query_holds_up_a_migration_and_the_migration_nobody_for_long() {
    let (_cluster, database, mut client) = place().await;
    Migration::new("okr").apply(&mut client).await.expect("applied");
    let (reader, writer) = (connect(&database.url).await.unwrap(), connect(&database.url).await.unwrap());
    reader.batch_execute("BEGIN; SELECT count(*) FROM okr.okr_events").await.expect("somebody looks");
    let steps = with(MORE);
    let mut migration = Migration::of("okr", &steps);
    migration.attempts_max = 1;
    let (outcome, ()) = tokio::join!(migration.apply(&mut client), async {
        let waits =
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'okr.okr_events'::regclass";
        while one::<i64>(&reader, waits).await == 0 {
            tokio::task::yield_now().await;
        }
        // Stands behind the migration, which gives up before a person would notice.
        writer.batch_execute("SET statement_timeout = '10s'").await.expect("set");
        writer.execute(WRITE, &[]).await.expect("written");
    });
    let busy = outcome.expect_err("somebody looks");
    assert!(matches!(busy, MigrateError::Busy(_)) && busy.to_string().contains("end long queries"), "{busy}");
    let patient = Migration::of("okr", &steps);
    let (outcome, ()) = tokio::join!(patient.apply(&mut client), async {
        let waits =
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'okr.okr_events'::regclass";
        while one::<i64>(&reader, waits).await == 0 {
            tokio::task::yield_now().await;
        }
        reader.batch_execute("COMMIT").await.expect("has seen enough");
    });
    assert_eq!(outcome.expect("applied").pending, [MORE]);
}

#[tokio::test]
async fn everything_that_can_be_seen_has_a_comment() {
    let (_cluster, _database, mut client) = place().await;
    Migration::new("okr").apply(&mut client).await.expect("applied");
    let bare = "SELECT relation.relname || coalesce('.' || attribute.attname, '')
        FROM pg_class AS relation
        LEFT JOIN pg_attribute AS attribute
            ON attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
        WHERE relation.relnamespace = 'okr'::regnamespace AND relation.relkind IN ('r', 'v', 'm', 'p')
            AND (obj_description(relation.oid) IS NULL OR col_description(relation.oid, attribute.attnum) IS NULL)";
    let rows = client.query(bare, &[]).await.expect("an answer");
    let bare: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(bare.is_empty(), "without a comment: {bare:?}");
    let seen = "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'okr'";
    assert!(one::<i64>(&client, seen).await > 200, "this test has stopped finding columns");
}

#[test]
fn a_server_that_members_cannot_lean_on_is_refused() {
    let version = |number| fits("UTF8", number, "13.23 (Debian 13.23-1)").map_err(|error| error.to_string());
    assert_eq!(version(140_000), Ok(()));
    let refused = version(130_023).unwrap_err();
    assert!(refused.contains("PostgreSQL 13.23 (Debian 13.23-1), and this needs 14"), "{refused}");
}
