//! A store to measure in: beside the configured one, on the same disk or in the same database, and out of its way.

use std::sync::Arc;

use boot::Clock;

use crate::address::Address;
use crate::embedded::EmbeddedTrial;
use crate::postgres::PostgresTrial;
use crate::{Store, StoreError};

/// A store of its own: another file in the folder of the configured one, or another schema of its database. Nothing
/// of the configured store is read or written. It is empty at first and cleared away at the end; what a trial of the
/// same name left that was killed is cleared at the next one's start.
pub struct Trial {
    place: Place,
}

enum Place {
    File(EmbeddedTrial),
    Schema(Box<PostgresTrial>),
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Trial").field(&self.place().1).finish()
    }
}

impl Trial {
    /// Makes it. `name` is a plain word; one process at a time has a trial of that name. In Postgres the role must be
    /// allowed to create schemas.
    pub async fn open(url: &str, name: &str) -> Result<Self, StoreError> {
        let place = match Address::parse(url)? {
            Address::File(path) => Place::File(EmbeddedTrial::open(&path, name).await?),
            Address::Postgres(url) => Place::Schema(Box::new(PostgresTrial::open(&url, name).await?)),
        };
        Ok(Self { place })
    }

    /// `embedded` or `postgres`, and the file or schema.
    pub fn place(&self) -> (&'static str, String) {
        match &self.place {
            Place::File(trial) => ("embedded", trial.path().display().to_string()),
            Place::Schema(trial) => ("postgres", trial.schema().to_owned()),
        }
    }

    /// The store, to be used as any other. An embedded one by one handle at a time.
    pub async fn store(&self, clock: Clock) -> Result<Arc<Store>, StoreError> {
        let home = match &self.place {
            Place::File(trial) => trial.home(clock).await?,
            Place::Schema(trial) => trial.home(clock).await?,
        };
        Ok(Arc::new(Store { home }))
    }

    /// Adds history: `rows` deliveries of `service` to `targets` in turn that were planned and marked done, one each
    /// tenth of a second until now. What stays of them is their claims. Not while a handle is out.
    pub async fn fill(&self, service: &str, targets: &[String], rows: u64) -> Result<(), StoreError> {
        match &self.place {
            Place::File(trial) => trial.fill(service, targets, rows).await,
            Place::Schema(trial) => trial.fill(service, targets, rows).await,
        }
    }

    /// Removes it with all that is in it.
    pub async fn clear(self) -> Result<(), StoreError> {
        match self.place {
            Place::File(trial) => trial.clear(),
            Place::Schema(trial) => trial.clear().await,
        }
    }
}
