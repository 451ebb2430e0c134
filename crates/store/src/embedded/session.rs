//! A connection and its prepared statements. Only the store's thread has one.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use futures::executor::block_on;
use libsql::params::IntoParams;
use outbox::QueueError;

use super::failure::classify;

/// What a commit promises needs `FULL`: the log is on the disk before anybody is answered.
const SETTINGS: &[&str] = &[
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -8000",
    "PRAGMA journal_size_limit = 33554432",
];
/// Primary result codes of what lies in the values of a statement.
const CONTENT: &[i32] = &[
    18, // TOOBIG
    19, // CONSTRAINT
];
/// How long a statement waits for somebody who looks into the file with a shell or makes a backup.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// libsql's calls on a local file never wait for anything but the file, so they are driven to their end in place.
pub struct Session {
    // Statements go before the connection that they belong to.
    statements: HashMap<&'static str, libsql::Statement>,
    connection: libsql::Connection,
    _database: libsql::Database,
    /// SQLite's code of the last failure.
    refusal: Option<i32>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("statements", &self.statements.len()).finish_non_exhaustive()
    }
}

impl Session {
    /// Opens or makes the file.
    pub fn open(path: &Path) -> Result<Self, QueueError> {
        let database =
            block_on(libsql::Builder::new_local(path).build()).map_err(|error| classify(&error))?;
        let connection = database.connect().map_err(|error| classify(&error))?;
        connection.busy_timeout(BUSY_MAX).map_err(|error| classify(&error))?;
        let mut session = Self { statements: HashMap::new(), connection, _database: database, refusal: None };
        for setting in SETTINGS {
            session.rows(setting, (), |_| Ok(()))?;
        }
        let mode = session.rows("PRAGMA journal_mode", (), |row| row.get::<String>(0))?;
        if mode.first().map(String::as_str) != Some("wal") {
            let cause = "its file system does not allow a write-ahead log (SQLite's WAL needs a local disk)";
            return Err(QueueError::Broken(cause.to_owned()));
        }
        Ok(session)
    }

    /// Runs a statement that gives no rows; answers how many rows it changed.
    pub fn run(&mut self, sql: &'static str, params: impl IntoParams) -> Result<u64, QueueError> {
        self.refusal = None;
        let statement = self.statement(sql)?;
        let outcome = block_on(statement.execute(params));
        // A statement that is not reset keeps its place in the file and the log could not be cut.
        statement.reset();
        outcome.map(|changed| changed as u64).map_err(|error| self.failed(&error))
    }

    /// Runs a statement to its end and reads each of its rows.
    pub fn rows<T>(
        &mut self,
        sql: &'static str,
        params: impl IntoParams,
        mut read: impl FnMut(&libsql::Row) -> Result<T, libsql::Error>,
    ) -> Result<Vec<T>, QueueError> {
        self.refusal = None;
        let statement = self.statement(sql)?;
        let outcome = block_on(async {
            let mut found = Vec::new();
            let mut rows = statement.query(params).await?;
            while let Some(row) = rows.next().await? {
                found.push(read(&row)?);
            }
            Ok(found)
        });
        statement.reset();
        outcome.map_err(|error: libsql::Error| self.failed(&error))
    }

    /// Runs several statements that take nothing and give nothing.
    pub fn script(&mut self, sql: &str) -> Result<(), QueueError> {
        block_on(self.connection.execute_batch(sql)).map(drop).map_err(|error| classify(&error))
    }

    /// Whether SQLite has refused what the last failed statement was given (a constraint, a type, a size), and not for
    /// the machine's or its own trouble.
    pub fn is_content_refused(&self) -> bool {
        self.refusal.is_some_and(|code| CONTENT.contains(&(code & 0xff)))
    }

    /// The connection itself, for what this type does not do.
    pub fn connection(&self) -> &libsql::Connection {
        &self.connection
    }

    fn failed(&mut self, error: &libsql::Error) -> QueueError {
        self.refusal = if let libsql::Error::SqliteFailure(code, _) = error { Some(*code) } else { None };
        classify(error)
    }

    /// Whether no transaction is open.
    pub fn is_autocommit(&self) -> bool {
        self.connection.is_autocommit()
    }

    fn statement(&mut self, sql: &'static str) -> Result<&libsql::Statement, QueueError> {
        use std::collections::hash_map::Entry;
        match self.statements.entry(sql) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let statement = block_on(self.connection.prepare(sql)).map_err(|error| classify(&error))?;
                Ok(place.insert(statement))
            }
        }
    }
}
