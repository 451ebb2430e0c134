//! The steps in a real file.

use libsql::{Builder, Connection};
use tempfile::TempDir;

use super::super::embedded::{STEPS, applied, apply, plan, planned};
use super::super::{MigrateError, Step};

const MORE: Step = Step {
    version: STEPS.len() as i64 + 1,
    name: "region",
    sql: "ALTER TABLE okr_events ADD COLUMN region TEXT",
};

async fn file(folder: &TempDir) -> Connection {
    let database = Builder::new_local(folder.path().join("warehouse.db")).build().await.expect("a file");
    database.connect().expect("a connection")
}

async fn number(connection: &Connection, sql: &str) -> i64 {
    let mut rows = connection.query(sql, ()).await.expect("an answer");
    rows.next().await.expect("a row").expect("a row").get(0).expect("a number")
}

fn with(step: Step) -> Vec<Step> {
    STEPS.iter().copied().chain([step]).collect()
}

#[tokio::test]
async fn a_plan_changes_nothing_and_an_application_does_it_once() {
    let folder = TempDir::new().expect("a folder");
    let connection = file(&folder).await;
    let found = plan(&connection).await.expect("a plan");
    assert_eq!((found.found, found.pending.as_slice()), (0, STEPS));
    assert_eq!(number(&connection, "SELECT count(*) FROM sqlite_master").await, 0, "a plan made something");
    assert_eq!(apply(&connection).await.expect("applied"), found);
    assert_eq!(apply(&connection).await.expect("nothing to do").pending, []);
    assert_eq!(number(&connection, "SELECT max(version) FROM okr_migrations").await, STEPS.len() as i64);
}

#[tokio::test]
async fn a_newer_or_another_file_is_refused_untouched() {
    let folder = TempDir::new().expect("a folder");
    let connection = file(&folder).await;
    assert_eq!(applied(&connection, &with(MORE)).await.expect("applied").pending.len(), STEPS.len() + 1);
    let newer = apply(&connection).await.expect_err("it is newer");
    assert!(matches!(newer, MigrateError::Newer { .. }), "{newer:?}");
    let other = with(Step { sql: "SELECT 1", ..MORE });
    let refused = planned(&connection, &other).await.expect_err("another step");
    assert!(matches!(refused, MigrateError::Other { .. }), "{refused:?}");
    assert_eq!(number(&connection, "SELECT max(version) FROM okr_migrations").await, MORE.version);
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_behind() {
    let folder = TempDir::new().expect("a folder");
    let connection = file(&folder).await;
    let broken =
        with(Step { name: "broken", sql: "CREATE TABLE okr_half (a INTEGER); SELECT nothing", ..MORE });
    let refused = applied(&connection, &broken).await.expect_err("it cannot");
    assert!(refused.to_string().contains("(broken)"), "{refused}");
    assert_eq!(number(&connection, "SELECT count(*) FROM sqlite_master").await, 0);
    apply(&connection).await.expect("the connection is good, too");
}

#[tokio::test]
async fn a_file_that_somebody_writes_to_is_busy() {
    let folder = TempDir::new().expect("a folder");
    let (connection, other) = (file(&folder).await, file(&folder).await);
    other.execute("BEGIN IMMEDIATE", ()).await.expect("somebody writes");
    let busy = apply(&connection).await.expect_err("somebody writes");
    assert!(matches!(busy, MigrateError::Busy(_)), "{busy:?}");
}
