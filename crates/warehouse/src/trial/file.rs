//! A file to measure in.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libsql::{Connection, Value};
use store::QueueError;
use store::ground::{Owner, Session};
use uuid::Uuid;
use worker::ProgressError;

use super::Copied;
use crate::embedded::Embedded;
use crate::migrate;
use crate::status::beside;
use crate::{OpenError, Tables};

const MAKE: &str =
    "DROP TABLE IF EXISTS okr_plain; CREATE TABLE okr_plain AS SELECT * FROM okr_events WHERE false";
const READ: &str = "SELECT rowid, * FROM okr_events WHERE rowid > ?1 ORDER BY rowid LIMIT ?2";
const PUT: &str =
    "INSERT INTO okr_plain VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// A file beside the configured one.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
}

impl File {
    pub(super) async fn open(path: PathBuf) -> Result<Self, OpenError> {
        // Whoever measures in it now has its lock.
        if let Err(error @ OpenError::File(_)) = Embedded::open(path.clone(), Tables::Expect).await {
            return Err(error);
        }
        let file = Self { path };
        file.clear()?;
        Ok(file)
    }

    pub(super) fn url(&self) -> String {
        format!("file:{}", self.path.display())
    }

    pub(super) fn clear(&self) -> Result<(), OpenError> {
        // The lock's own file goes last.
        for suffix in ["-wal", "-shm", "", ".lock"] {
            let mut name = self.path.clone().into_os_string();
            name.push(suffix);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(OpenError::File(format!("{}: {error}", Path::new(&name).display())));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) async fn copy_plainly(
        &self,
        batch: usize,
        processor: fn() -> Option<Duration>,
    ) -> Result<Copied, OpenError> {
        let make = |session: &mut Session| session.script(MAKE).map_err(refused);
        let owner = Owner::open("bench", self.path.clone(), make).await?;
        let (mut after, mut copied) =
            (0, Copied { rows: 0, wall: Duration::ZERO, processor: Some(Duration::ZERO) });
        loop {
            let limit = batch.max(1) as i64;
            let read = move |session: &mut Session| session.rows(READ, (after, limit), values);
            let rows = owner.call(read).await.map_err(refused)?;
            let Some((last, _)) = rows.last() else { break };
            (after, copied.rows) = (*last, copied.rows + rows.len() as u64);
            let (used, since) = (processor(), Instant::now());
            let put = move |session: &mut Session| {
                rows.into_iter().try_for_each(|(_, row)| session.run(PUT, row).map(drop))
            };
            owner.call(put).await.map_err(refused)?;
            copied.wall += since.elapsed();
            let used = processor().zip(used).map(|(now, before)| now.saturating_sub(before));
            copied.processor = copied.processor.zip(used).map(|(so_far, used)| so_far + used);
        }
        Ok(copied)
    }

    pub(super) async fn look(&self) -> Result<Look, OpenError> {
        Ok(Look(beside(&self.path).await?))
    }
}

/// A row and its number.
fn values(row: &libsql::Row) -> Result<(i64, Vec<Value>), libsql::Error> {
    let columns = (1..row.column_count()).map(|at| row.get_value(at)).collect::<Result<_, _>>()?;
    Ok((row.get(0)?, columns))
}

/// A connection of its own.
#[derive(Debug)]
pub(super) struct Look(Connection);

impl Look {
    pub(super) async fn sees(&self, event: Uuid) -> Result<bool, OpenError> {
        let asked = async {
            let asked = self.0.query("SELECT 1 FROM okr_events WHERE event_id = ?1", [event.to_string()]);
            asked.await?.next().await.map(|row| row.is_some())
        };
        Ok(asked.await.map_err(|error| migrate::embedded::failed(&error, "while it was looked at"))?)
    }
}

fn refused(error: QueueError) -> OpenError {
    OpenError::Home(match error {
        QueueError::Unavailable(why) => ProgressError::Unavailable(why),
        QueueError::Broken(why) => ProgressError::Broken(why),
    })
}
