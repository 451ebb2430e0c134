//! A file to measure in. See [`crate::Trial`].

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use boot::Clock;
use outbox::QueueError;

use super::{Embedded, lock};
use crate::store::Home;
use crate::{StoreError, time};

/// Rows of one transaction, so that the log stays short.
const SLICE: u64 = 20_000;

const FILL: &str = "WITH RECURSIVE n(n) AS (SELECT ?3 UNION ALL SELECT n + 1 FROM n WHERE n < ?4 - 1)
    INSERT INTO router_effects (service, event_id, target, replay_id, claimed_at, finished_at, attempts)
    SELECT ?1, randomblob(16), json_extract(?2, '$[' || (n % json_array_length(?2)) || ']'), '',
        ?5 + n * 100000, ?5 + n * 100000, 1 FROM n";

/// A file beside the configured one.
pub(crate) struct EmbeddedTrial {
    path: PathBuf,
}

impl EmbeddedTrial {
    pub(crate) async fn open(beside: &Path, name: &str) -> Result<Self, StoreError> {
        let trial = Self { path: beside.with_file_name(format!("{name}.db")) };
        trial.clear_files()?;
        Ok(trial)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn home(&self, clock: Clock) -> Result<Box<dyn Home>, StoreError> {
        Ok(Box::new(Embedded::open(self.path.clone(), clock).await?))
    }

    pub(crate) async fn fill(&self, service: &str, targets: &[String], rows: u64) -> Result<(), StoreError> {
        let targets =
            serde_json::to_string(targets).map_err(|error| QueueError::Broken(error.to_string()))?;
        let home = Embedded::open(self.path.clone(), boot::system_clock()).await?;
        let first = home.now().saturating_sub(time::tenths(rows));
        for from in (0..rows).step_by(usize::try_from(SLICE).unwrap_or(usize::MAX)) {
            let until = (from + SLICE).min(rows);
            let (service, targets) = (service.to_owned(), targets.clone());
            let slice = (service, targets, from as i64, until as i64, first);
            home.call(move |session| session.run(FILL, slice)).await?;
        }
        Ok(())
    }

    pub(crate) fn clear(self) -> Result<(), StoreError> {
        self.clear_files()
    }

    /// Only whoever has the lock may remove a file.
    fn clear_files(&self) -> Result<(), StoreError> {
        let _lock = lock::Lock::take(&self.path)?;
        // The lock's own file goes last.
        for suffix in ["-wal", "-shm", "", ".lock"] {
            let mut name = self.path.clone().into_os_string();
            name.push(suffix);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    let path = PathBuf::from(name).display().to_string();
                    return Err(StoreError::File { path, cause: error.to_string() });
                }
                _ => {}
            }
        }
        Ok(())
    }
}
