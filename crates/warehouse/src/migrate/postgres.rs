//! The steps on Postgres: in a schema of their own, under a lock, all in one transaction.

use std::time::Duration;

use store::ground::Failure;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use super::{Applied, MigrateError, Plan, Step, compare};

/// From nothing to the tables of this release.
pub const STEPS: &[Step] = &[
    Step { version: 1, name: "tables", sql: include_str!("../../migrations/postgres/0001_tables.sql") },
    Step { version: 2, name: "views", sql: include_str!("../../migrations/postgres/0002_views.sql") },
    Step { version: 3, name: "comments", sql: include_str!("../../migrations/postgres/0003_comments.sql") },
    Step { version: 4, name: "erasures", sql: include_str!("../../migrations/postgres/0004_erasures.sql") },
    Step {
        version: 5,
        name: "erasures numbered",
        sql: include_str!("../../migrations/postgres/0005_erasures_numbered.sql"),
    },
];

/// The encoding of the database, and the server's version as a number and in words.
const SERVER: &str =
    "SELECT current_setting('server_encoding'), current_setting('server_version_num')::integer,
    current_setting('server_version')";
/// PostgreSQL 14: `pg_stat_progress_copy` and `idle_session_timeout` begin with it.
const VERSION_MIN: i32 = 140_000;

/// Members that start together migrate one after the other. The number is ours alone in a database: "okr-ware".
const LOCK: &str = "SELECT pg_advisory_xact_lock(8028636300320010853)";
/// How long one waits for another member's migration.
const TURN_MAX: Duration = Duration::from_secs(120);
/// How long a step waits for a table that somebody reads. Everybody else who comes to that table waits behind it, so it
/// is short, and tried again a few times with room in between.
const TABLE_MAX: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_secs(1);
const ATTEMPTS_MAX: u32 = 5;
const NOTES: &str = "CREATE TABLE IF NOT EXISTS okr_migrations (
    version bigint PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
    COMMENT ON TABLE okr_migrations IS 'Which steps made these tables and views.';
    COMMENT ON COLUMN okr_migrations.version IS 'The step''s number, from 1.';
    COMMENT ON COLUMN okr_migrations.name IS 'What the step is about.';
    COMMENT ON COLUMN okr_migrations.checksum IS 'SHA-256 of the step''s text, so that another one under its number is noticed.';
    COMMENT ON COLUMN okr_migrations.applied_at IS 'When it was applied.';";

/// Whether a database and its server can be a warehouse.
pub(super) fn fits(encoding: &str, version: i32, words: &str) -> Result<(), MigrateError> {
    if version < VERSION_MIN {
        return Err(MigrateError::Old(words.to_owned()));
    }
    if encoding != "UTF8" {
        return Err(MigrateError::Encoding(encoding.to_owned()));
    }
    Ok(())
}

/// The steps of one schema of a database.
#[derive(Debug, Clone)]
pub struct Migration<'a> {
    schema: &'a str,
    steps: &'a [Step],
    pub(super) attempts_max: u32,
}

impl<'a> Migration<'a> {
    /// Of this schema, which is made when it is not there.
    pub fn new(schema: &'a str) -> Self {
        Self::of(schema, STEPS)
    }

    pub(crate) fn of(schema: &'a str, steps: &'a [Step]) -> Self {
        Self { schema, steps, attempts_max: ATTEMPTS_MAX }
    }

    /// What [`Migration::apply`] would do. Reads only.
    pub async fn plan(&self, client: &Client) -> Result<Plan, MigrateError> {
        let server = client.query_one(SERVER, &[]).await;
        let server = server.and_then(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)));
        let (encoding, version, words): (String, i32, String) =
            server.map_err(|error| failed(error, LOOKING))?;
        fits(&encoding, version, &words)?;
        let notes = format!("{}.okr_migrations", quoted(self.schema));
        let found = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&notes]).await;
        if !found.and_then(|row| row.try_get(0)).map_err(|error| failed(error, LOOKING))? {
            return compare(self.steps, &[]);
        }
        let rows = client.query(&noted(&notes), &[]).await;
        compare(self.steps, &read(rows).map_err(|error| failed(error, LOOKING))?)
    }

    /// Applies what is missing and says what that was. A database that is up to date is only read, so that this asks for
    /// no right to change anything.
    pub async fn apply(&self, client: &mut Client) -> Result<Plan, MigrateError> {
        let plan = self.plan(client).await?;
        if plan.pending.is_empty() {
            return Ok(plan);
        }
        let mut attempt = 1;
        loop {
            match self.attempt(client).await {
                Err(MigrateError::Busy(_)) if attempt < self.attempts_max => attempt += 1,
                outcome => return outcome,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn attempt(&self, client: &mut Client) -> Result<Plan, MigrateError> {
        let doing = "while its schema was made or locked";
        let transaction = client.transaction().await.map_err(|error| failed(error, doing))?;
        let plan = self.locked(&transaction).await.map_err(|error| failed(error, doing))??;
        for step in &plan.pending {
            advance(&transaction, step).await.map_err(|error| failed(error, &step.doing()))?;
        }
        transaction.commit().await.map_err(|error| failed(error, "at the end"))?;
        Ok(plan)
    }

    /// Waits for one's turn, and looks again: another member may have done it.
    async fn locked(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<Result<Plan, MigrateError>, tokio_postgres::Error> {
        let schema = quoted(self.schema);
        let wait = |most: Duration| format!("SET LOCAL lock_timeout = {}", most.as_millis());
        transaction.batch_execute("SET LOCAL statement_timeout = 0").await?;
        transaction.batch_execute(&wait(TURN_MAX)).await?;
        transaction.batch_execute(LOCK).await?;
        transaction.batch_execute(&wait(TABLE_MAX)).await?;
        // Asked for first: who may not make a schema may still have been given one.
        let there = transaction.query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&schema]).await?;
        if !there.try_get::<_, bool>(0)? {
            transaction.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
            let comment =
                format!("COMMENT ON SCHEMA {schema} IS 'Progress on OKRs, written by okr-router warehouse.'");
            transaction.batch_execute(&comment).await?;
        }
        // Steps name tables alone, so that a schema of any name can hold them.
        transaction.batch_execute(&format!("SET LOCAL search_path = {schema}")).await?;
        transaction.batch_execute(NOTES).await?;
        let applied = read(transaction.query(&noted("okr_migrations"), &[]).await)?;
        Ok(compare(self.steps, &applied))
    }
}

const LOOKING: &str = "while it was looked at";

async fn advance(transaction: &Transaction<'_>, step: &Step) -> Result<(), tokio_postgres::Error> {
    transaction.batch_execute(step.sql).await?;
    let note = "INSERT INTO okr_migrations (version, name, checksum) VALUES ($1, $2, $3)";
    transaction.execute(note, &[&step.version, &step.name, &step.checksum()]).await.map(drop)
}

fn noted(table: &str) -> String {
    format!("SELECT version, name, checksum FROM {table} ORDER BY version")
}

fn read(
    rows: Result<Vec<tokio_postgres::Row>, tokio_postgres::Error>,
) -> Result<Vec<Applied>, tokio_postgres::Error> {
    let applied = |row: &tokio_postgres::Row| {
        Ok(Applied { version: row.try_get(0)?, name: row.try_get(1)?, checksum: row.try_get(2)? })
    };
    rows?.iter().map(applied).collect()
}

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn failed(error: tokio_postgres::Error, doing: &str) -> MigrateError {
    let busy = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
    let is_busy = error.code().is_some_and(|code| busy.contains(code));
    match Failure::from(error) {
        Failure::Again(words) | Failure::Unavailable(words) if is_busy => MigrateError::Busy(words),
        Failure::Again(words) | Failure::Unavailable(words) => MigrateError::Unavailable(words),
        Failure::Refused { words: cause, .. } | Failure::Broken(cause) => {
            MigrateError::Refused { doing: doing.to_owned(), cause }
        }
    }
}
