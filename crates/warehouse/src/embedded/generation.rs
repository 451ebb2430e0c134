//! A new generation of the tables in a file of its own, beside the live one.
//!
//! The live file is kept locked meanwhile, so no member writes; readers go on. SQLite cannot move a table from file to
//! file: in the exchange the rows are copied, in one transaction, into tables that stay what they are, with all that
//! stands on them.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::executor::block_on;
use libsql::params::IntoParams;
use libsql::{Connection, params};
use store::ground::{Owner, Session};
use worker::{ProgressError, Standing};

use super::{Embedded, prepare};
use crate::migrate::embedded::failed;
use crate::rebuild::{ERASURES, Found, Lost, RebuildError, SEEDS, Site, TABLES};
use crate::status::beside;
use crate::{OpenError, TOPIC, Tables, Target};

/// The name of the new file inside of a connection to the live one.
const ATTACH: &str = "ATTACH DATABASE ?1 AS fresh";
const COLUMNS: &str = "SELECT group_concat(name, ', ') FROM pragma_table_info(?1)";
const HAS: &str = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";

/// A rebuild's place beside a file.
pub(crate) struct FileSite {
    path: PathBuf,
    beside: PathBuf,
    /// Taken when the file is opened once more, for the exchange.
    live: Option<Embedded>,
}

/// The new file, `warehouse.db.rebuild`.
fn fresh_path(path: &Path) -> PathBuf {
    with(path, ".rebuild")
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// False: there was nothing.
fn remove(fresh: &Path) -> Result<bool, RebuildError> {
    let mut has_removed = false;
    for path in ["", "-wal", "-shm", ".lock"].map(|ending| with(fresh, ending)) {
        match std::fs::remove_file(&path) {
            Ok(()) => has_removed = true,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(OpenError::File(format!("{}: {error}", path.display())).into()),
        }
    }
    Ok(has_removed)
}

/// The live file, which no member may have.
async fn take(path: &Path) -> Result<Embedded, RebuildError> {
    let taken = Embedded::open(path.to_owned(), Tables::Expect).await;
    taken.map_err(|error| match error {
        OpenError::File(why) => {
            let why = format!(
                "{why}; a rebuild has the file to itself: stop `okr-router warehouse` (or `dev`) first"
            );
            OpenError::File(why).into()
        }
        other => other.into(),
    })
}

/// What a dry run has to know; beside whoever has the file.
pub(crate) async fn look(path: &Path, has: &[(i32, i64, i64)]) -> Result<Found, RebuildError> {
    let connection = beside(path).await?;
    let expired = out_of(&connection, has).await.map_err(|error| refused(&error))?;
    Ok(Found { expired, has_leftovers: fresh_path(path).exists(), ..Found::default() })
}

/// Whether a rebuild has rows beside the live ones: one that was killed, or one that runs.
pub(crate) fn has_leftovers(path: &Path) -> bool {
    fresh_path(path).exists()
}

/// Takes away what was left behind. False: there was nothing.
pub(crate) async fn abandon(path: PathBuf) -> Result<bool, RebuildError> {
    let _live = take(&path).await?;
    remove(&fresh_path(&path))
}

fn refused(error: &libsql::Error) -> RebuildError {
    failed(error, "while it was rebuilt").into()
}

/// Rows of the events out of what the topic has, or of partitions that it does not have.
async fn out_of(connection: &Connection, has: &[(i32, i64, i64)]) -> Result<i64, libsql::Error> {
    let count = async |of: &str, params: Vec<libsql::Value>| {
        number(connection, &format!("SELECT count(*) FROM main.okr_events WHERE {of}"), params).await
    };
    let known: Vec<String> = has.iter().map(|(partition, ..)| partition.to_string()).collect();
    let elsewhere = format!("(kafka_topic <> ?1 OR kafka_partition NOT IN ({}))", known.join(", "));
    let mut found = count(&elsewhere, vec![TOPIC.into()]).await?;
    for (partition, low, high) in has {
        let of = "kafka_topic = ?1 AND kafka_partition = ?2 AND (kafka_offset < ?3 OR kafka_offset >= ?4)";
        found += count(of, vec![TOPIC.into(), (*partition).into(), (*low).into(), (*high).into()]).await?;
    }
    Ok(found)
}

async fn text(connection: &Connection, sql: &str, param: &str) -> Result<String, libsql::Error> {
    let mut rows = connection.query(sql, params![param]).await?;
    let row = rows.next().await?;
    Ok(row.map(|row| row.get::<Option<String>>(0)).transpose()?.flatten().unwrap_or_default())
}

async fn number(connection: &Connection, sql: &str, params: impl IntoParams) -> Result<i64, libsql::Error> {
    let mut rows = connection.query(sql, params).await?;
    let row = rows.next().await?;
    Ok(row.map(|row| row.get::<Option<i64>>(0)).transpose()?.flatten().unwrap_or_default())
}

async fn copy(connection: &Connection, table: &str, (from, to): (&str, &str)) -> Result<(), libsql::Error> {
    // Columns that are computed from others are not among them.
    let columns = text(connection, COLUMNS, table).await?;
    let sql = format!(
        "DELETE FROM {to}.{table}; INSERT INTO {to}.{table} ({columns}) SELECT {columns} FROM {from}.{table}"
    );
    connection.execute_batch(&sql).await.map(drop)
}

/// Lets the new file know what it has to know before it is filled.
async fn sow(live: &Connection) -> Result<(), libsql::Error> {
    for table in SEEDS {
        if number(live, HAS, params![table]).await? > 0 {
            copy(live, table, ("main", "fresh")).await?;
        }
    }
    Ok(())
}

/// All or nothing.
async fn exchanged(
    live: &Connection,
    next: &[(i32, i64)],
) -> Result<Result<(), RebuildError>, libsql::Error> {
    for (partition, next) in next {
        let stands = "SELECT max(next_offset) FROM main.okr_sink_offsets WHERE topic = ?1 AND partition = ?2";
        if number(live, stands, params![TOPIC, *partition]).await? > *next {
            return Ok(Err(RebuildError::Overtaken("a member has written to the file")));
        }
    }
    if number(live, HAS, params![ERASURES]).await? > 0 {
        let more = "SELECT count(*) FROM main.okr_erasures WHERE token NOT IN (SELECT token FROM fresh.okr_erasures)";
        if number(live, more, ()).await? > 0 {
            return Ok(Err(RebuildError::Overtaken("somebody was forgotten")));
        }
    }
    for table in TABLES {
        copy(live, table, ("fresh", "main")).await?;
    }
    Ok(Ok(()))
}

/// Work on both files, in one transaction of the live one.
fn with_both<T>(
    session: &mut Session,
    fresh: &Path,
    work: impl AsyncFnOnce(&Connection) -> Result<Result<T, RebuildError>, libsql::Error>,
) -> Result<T, RebuildError> {
    let connection = session.connection();
    // On files, they wait for nothing but the files.
    block_on(async {
        let attached = async {
            connection.execute(ATTACH, params![fresh.display().to_string()]).await?;
            connection.execute("BEGIN IMMEDIATE", ()).await
        };
        attached.await.map_err(|error| refused(&error))?;
        let outcome = match work(connection).await {
            Ok(Ok(done)) => {
                connection.execute("COMMIT", ()).await.map(|_| done).map_err(|error| refused(&error))
            }
            Ok(Err(why)) => Err(why),
            Err(error) => Err(refused(&error)),
        };
        if outcome.is_err() {
            let _ = connection.execute("ROLLBACK", ()).await;
        }
        let _ = connection.execute("DETACH DATABASE fresh", ()).await;
        outcome
    })
}

impl FileSite {
    /// Makes the tables; what an earlier rebuild has left is taken away.
    pub(crate) async fn make(path: PathBuf) -> Result<(Self, Arc<dyn Target>), RebuildError> {
        let (live, beside) = (take(&path).await?, fresh_path(&path));
        remove(&beside)?;
        let fresh = Embedded::open(beside.clone(), Tables::Migrate).await?;
        let mut site = Self { path, beside, live: Some(live) };
        site.reopen(async |live: &Connection| sow(live).await.map(Ok)).await?;
        Ok((site, Arc::new(fresh)))
    }

    /// Opens the live file once more, for work that is done before anything else.
    async fn reopen(
        &mut self,
        work: impl AsyncFnOnce(&Connection) -> Result<Result<(), RebuildError>, libsql::Error> + Send + 'static,
    ) -> Result<(), RebuildError> {
        self.live.take();
        let beside = self.beside.clone();
        let prepare = move |session: &mut Session| -> Result<(), RebuildError> {
            prepare(session, Tables::Expect)?;
            with_both(session, &beside, work)
        };
        let owner = Owner::open("warehouse", self.path.clone(), prepare).await?;
        self.live = Some(Embedded::of(owner));
        Ok(())
    }

    fn home(&self) -> Result<&Embedded, RebuildError> {
        let gone = || RebuildError::Home(ProgressError::Broken("the file is not open".to_owned()));
        self.live.as_ref().ok_or_else(gone)
    }

    /// A connection that only reads, of both files.
    async fn both(&self) -> Result<Connection, RebuildError> {
        let connection = beside(&self.path).await?;
        let attached = connection.execute(ATTACH, params![self.beside.display().to_string()]).await;
        attached.map_err(|error| refused(&error))?;
        Ok(connection)
    }
}

impl From<store::StoreError> for RebuildError {
    fn from(error: store::StoreError) -> Self {
        Self::Open(error.into())
    }
}

#[async_trait]
impl Site for FileSite {
    async fn live(&mut self) -> Result<Vec<Standing>, RebuildError> {
        Ok(self.home()?.offsets().await?)
    }

    async fn rows(&mut self, _: &[(i32, i64)]) -> Result<(i64, i64), RebuildError> {
        let both = self.both().await?;
        // Nobody moves the live one, and the new one contains all of it.
        let count = async |file: &str| {
            let sql = format!(
                "SELECT count(*) FROM {file}.okr_events AS e JOIN main.okr_sink_offsets AS o
                ON o.topic = e.kafka_topic AND o.partition = e.kafka_partition AND e.kafka_offset < o.next_offset"
            );
            number(&both, &sql, ()).await.map_err(|error| refused(&error))
        };
        Ok((count("main").await?, count("fresh").await?))
    }

    async fn lost(&mut self, _: &[(i32, i64)], skipped: &[(i32, i64)]) -> Result<Lost, RebuildError> {
        // Nobody adds any, and the new one has come to where the live one stands.
        let lacks = "WITH s AS MATERIALIZED (SELECT value FROM json_each(?2))
            SELECT count(*) - count(s.value), count(s.value), min(?1 || '/' || s.value)
            FROM main.okr_events AS l
            LEFT JOIN s ON s.value = l.kafka_partition || '@' || l.kafka_offset AND l.kafka_topic = ?1
            WHERE NOT EXISTS (SELECT 1 FROM fresh.okr_events AS ours WHERE ours.event_id = l.event_id)";
        let skipped: Vec<String> =
            skipped.iter().map(|(partition, at)| format!("{partition}@{at}")).collect();
        let both = self.both().await?;
        let found = async {
            let mut rows = both.query(lacks, params![TOPIC, serde_json::json!(skipped).to_string()]).await?;
            let Some(row) = rows.next().await? else { return Ok(Lost::default()) };
            Ok(Lost { gone: row.get(0)?, rejected: row.get(1)?, such_as: row.get(2)? })
        };
        found.await.map_err(|error: libsql::Error| refused(&error))
    }

    async fn reserve(&mut self) -> Result<(), RebuildError> {
        Ok(())
    }

    async fn hold(&mut self) -> Result<Vec<Standing>, RebuildError> {
        // The file is ours: nobody writes to it.
        self.live().await
    }

    async fn release(&mut self) {}

    async fn exchange(&mut self, next: &[(i32, i64)]) -> Result<(), RebuildError> {
        let next = next.to_vec();
        self.reopen(async move |live| exchanged(live, &next).await).await
    }

    async fn clear(&mut self) -> Result<(), RebuildError> {
        // Only who has the live file may; where it was lost, the next rebuild does it.
        if self.live.is_some() {
            remove(&self.beside)?;
        }
        self.live.take();
        Ok(())
    }
}
