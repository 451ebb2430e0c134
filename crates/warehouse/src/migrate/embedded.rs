//! The steps in the embedded file, all in one immediate transaction.

use libsql::Connection;

use super::{Applied, MigrateError, Plan, Step, compare};

/// From nothing to the tables of this release.
pub const STEPS: &[Step] = &[
    Step { version: 1, name: "tables", sql: include_str!("../../migrations/embedded/0001_tables.sql") },
    Step { version: 2, name: "views", sql: include_str!("../../migrations/embedded/0002_views.sql") },
    Step { version: 3, name: "erasures", sql: include_str!("../../migrations/embedded/0003_erasures.sql") },
    Step {
        version: 4,
        name: "erasures numbered",
        sql: include_str!("../../migrations/embedded/0004_erasures_numbered.sql"),
    },
];

const NOTES: &str = "CREATE TABLE IF NOT EXISTS okr_migrations (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,
    applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))) STRICT";
const APPLIED: &str = "SELECT version, name, checksum FROM okr_migrations ORDER BY version";
/// Primary result codes of SQLite: somebody else has the file, or the machine is in trouble that passes.
const BUSY: i32 = 5;
const PASSING: &[i32] = &[7, 8, 10, 13, 14]; // NOMEM, READONLY, IOERR, FULL, CANTOPEN

/// What [`apply`] would do. Reads only.
pub async fn plan(connection: &Connection) -> Result<Plan, MigrateError> {
    planned(connection, STEPS).await
}

/// Applies what is missing and says what that was.
pub async fn apply(connection: &Connection) -> Result<Plan, MigrateError> {
    applied(connection, STEPS).await
}

pub(crate) async fn planned(connection: &Connection, steps: &[Step]) -> Result<Plan, MigrateError> {
    let found = async {
        let there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'okr_migrations'";
        match connection.query(there, ()).await?.next().await? {
            Some(_) => read(connection).await,
            None => Ok(Vec::new()),
        }
    };
    compare(steps, &found.await.map_err(|error| failed(&error, "while it was looked at"))?)
}

pub(crate) async fn applied(connection: &Connection, steps: &[Step]) -> Result<Plan, MigrateError> {
    let plan = planned(connection, steps).await?;
    if plan.pending.is_empty() {
        return Ok(plan);
    }
    let begun = connection.execute("BEGIN IMMEDIATE", ()).await;
    begun.map_err(|error| failed(&error, "while it was locked"))?;
    let outcome = advance(connection, steps).await;
    if outcome.is_err() {
        // The failure is what is told; without a transaction there is nothing to take back.
        let _ = connection.execute("ROLLBACK", ()).await;
    }
    outcome
}

/// Looks again under the lock: another process may have done it.
async fn advance(connection: &Connection, steps: &[Step]) -> Result<Plan, MigrateError> {
    let locked = async {
        connection.execute(NOTES, ()).await?;
        read(connection).await
    };
    let found = locked.await.map_err(|error| failed(&error, "while it was locked"))?;
    let plan = compare(steps, &found)?;
    for step in &plan.pending {
        let stepped = async {
            connection.execute_batch(step.sql).await?;
            let note = "INSERT INTO okr_migrations (version, name, checksum) VALUES (?1, ?2, ?3)";
            connection.execute(note, libsql::params![step.version, step.name, step.checksum()]).await
        };
        stepped.await.map_err(|error| failed(&error, &step.doing()))?;
    }
    connection.execute("COMMIT", ()).await.map_err(|error| failed(&error, "at the end"))?;
    Ok(plan)
}

async fn read(connection: &Connection) -> Result<Vec<Applied>, libsql::Error> {
    let (mut rows, mut found) = (connection.query(APPLIED, ()).await?, Vec::new());
    while let Some(row) = rows.next().await? {
        found.push(Applied { version: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? });
    }
    Ok(found)
}

pub(crate) fn failed(error: &libsql::Error, doing: &str) -> MigrateError {
    // The second byte of a code tells its kinds apart.
    let code = if let libsql::Error::SqliteFailure(code, _) = error { code & 0xff } else { 0 };
    match code {
        BUSY => MigrateError::Busy(error.to_string()),
        code if PASSING.contains(&code) => MigrateError::Unavailable(error.to_string()),
        _ => MigrateError::Refused { doing: doing.to_owned(), cause: error.to_string() },
    }
}
