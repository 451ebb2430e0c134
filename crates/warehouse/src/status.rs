//! What a warehouse holds, and how far it has come, for people who ask. Reads only, beside whoever writes.

use std::path::Path;

use bus::Slot;
use jiff::Timestamp;
use libsql::{Builder, Connection, OpenFlags};
use store::ground::Failure;

use crate::migrate::{self, MigrateError};
use crate::open::{OpenError, Place};
use crate::postgres::Postgres;

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Rows of `okr_events`, of `okr_state` and of `okr_progress_daily`.
    pub events: i64,
    pub subjects: i64,
    pub days: i64,
    /// Of each partition that a member was ever given, by topic and partition.
    pub stands: Vec<Stand>,
}

/// How far one partition is contained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stand {
    pub slot: Slot,
    /// The offset after the last record that is contained; 0 where none is.
    pub next: i64,
    pub epoch: i64,
    /// When it last got on, or was given to a member.
    pub at: Timestamp,
}

const COUNTS: &str = "SELECT (SELECT count(*) FROM okr_events), (SELECT count(*) FROM okr_state),
    (SELECT count(*) FROM okr_progress_daily)";
const STANDS: &str =
    "SELECT topic, partition, next_offset, epoch, updated_at FROM okr_sink_offsets ORDER BY topic, partition";
/// The same with a time that the driver has no type for, as seconds.
const STANDS_OF_SERVER: &str = "SELECT topic, partition, next_offset, epoch,
    extract(epoch FROM updated_at)::float8 FROM okr_sink_offsets ORDER BY topic, partition";

/// Reads the place's status.
///
/// # Errors
/// [`OpenError::Behind`] where the tables are not up to date, and whatever keeps the place from being read.
pub async fn status(place: &Place) -> Result<Status, OpenError> {
    let lacking = migrate::plan(place).await?.pending.len();
    if lacking > 0 {
        return Err(OpenError::Behind(lacking));
    }
    match place.file()? {
        Some(path) => {
            let connection = beside(&path).await?;
            let read = at_once(&connection).await;
            Ok(read.map_err(|error| migrate::embedded::failed(&error, "while it was looked at"))?)
        }
        None => Ok(Postgres::new(&place.url, &place.schema)?.status().await?),
    }
}

/// A connection that only reads, beside whoever has the file.
pub(crate) async fn beside(path: &Path) -> Result<Connection, MigrateError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Builder::new_local(path).flags(flags).build().await;
    let connection = database.and_then(|database| database.connect());
    connection.map_err(|error| migrate::embedded::failed(&error, "while it was opened"))
}

/// Both questions of one moment, or a batch that is written between them would be contained and not counted.
async fn at_once(connection: &Connection) -> Result<Status, libsql::Error> {
    connection.execute("BEGIN", ()).await?;
    let status = read(connection).await;
    connection.execute("COMMIT", ()).await?;
    status
}

async fn read(connection: &Connection) -> Result<Status, libsql::Error> {
    let mut status = Status::default();
    if let Some(row) = connection.query(COUNTS, ()).await?.next().await? {
        (status.events, status.subjects, status.days) = (row.get(0)?, row.get(1)?, row.get(2)?);
    }
    let mut rows = connection.query(STANDS, ()).await?;
    while let Some(row) = rows.next().await? {
        let (topic, at): (String, String) = (row.get(0)?, row.get(4)?);
        let at = at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let slot = Slot::new(topic.as_str(), row.get(1)?);
        status.stands.push(Stand { slot, next: row.get(2)?, epoch: row.get(3)?, at });
    }
    Ok(status)
}

/// The same of a server.
pub(crate) async fn read_server(client: &tokio_postgres::Client) -> Result<Status, Failure> {
    // All rows are counted, for which a member's connection is not set.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = on";
    client.batch_execute(begin).await?;
    let status = read_rows(client).await?;
    client.batch_execute("COMMIT").await?;
    Ok(status)
}

async fn read_rows(client: &tokio_postgres::Client) -> Result<Status, Failure> {
    let counts = client.query_one(COUNTS, &[]).await?;
    let mut stands = Vec::new();
    for row in client.query(STANDS_OF_SERVER, &[]).await? {
        let seconds: f64 = row.try_get(4)?;
        let at = Timestamp::from_microsecond((seconds * 1e6) as i64).unwrap_or(Timestamp::UNIX_EPOCH);
        let slot = Slot::new(row.try_get::<_, &str>(0)?, row.try_get(1)?);
        stands.push(Stand { slot, next: row.try_get(2)?, epoch: row.try_get(3)?, at });
    }
    Ok(Status { events: counts.try_get(0)?, subjects: counts.try_get(1)?, days: counts.try_get(2)?, stands })
}
