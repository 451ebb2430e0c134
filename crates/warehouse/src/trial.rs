//! A warehouse to measure in: beside the configured one, on the same disk or in the same database, and out of its way.

mod file;
mod server;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::{OpenError, Place, Tables, Target, open};
use file::File;
use server::Server;

/// A warehouse of its own: another schema of the configured database, or another file in the folder of the configured
/// one. Nothing of the configured warehouse is read or written. What a trial of the same name left that was killed is
/// cleared at the next one's start.
#[derive(Debug)]
pub struct Trial {
    place: Place,
    ground: Ground,
}

#[derive(Debug)]
enum Ground {
    Server(Box<Server>),
    File(File),
}

/// What a plain copy took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    pub rows: u64,
    pub wall: Duration,
    /// Of this process, where the machine tells.
    pub processor: Option<Duration>,
}

impl Trial {
    /// Makes it. `name` is a plain word; one process at a time has a trial of that name. In Postgres the role must be
    /// allowed to create schemas.
    ///
    /// # Errors
    /// Another process has it, or what keeps a warehouse from being opened.
    pub async fn open(configured: &Place, name: &str) -> Result<Self, OpenError> {
        let (place, ground) = match configured.file()? {
            Some(path) => {
                let file = File::open(path.with_file_name(format!("{name}.db"))).await?;
                (Place { url: file.url(), ..configured.clone() }, Ground::File(file))
            }
            None => {
                let server = Server::open(&configured.url, name).await?;
                (
                    Place { url: configured.url.clone(), schema: name.to_owned() },
                    Ground::Server(Box::new(server)),
                )
            }
        };
        Ok(Self { place, ground })
    }

    /// `postgres` or `embedded`.
    pub fn home(&self) -> &'static str {
        match self.ground {
            Ground::Server(_) => "postgres",
            Ground::File(_) => "embedded",
        }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Takes everything out of it. Not while a target is out.
    ///
    /// # Errors
    /// The database's.
    pub async fn empty(&self) -> Result<(), OpenError> {
        match &self.ground {
            Ground::Server(server) => server.empty().await,
            Ground::File(file) => file.clear(),
        }
    }

    /// The warehouse, to be used as any other, with its tables; in a file, by one handle at a time.
    ///
    /// # Errors
    /// What [`open`] says.
    pub async fn target(&self) -> Result<Arc<dyn Target>, OpenError> {
        open(&self.place, Tables::Migrate).await
    }

    /// The least that it can take to write the rows of `okr_events`: binary `COPY` of the very same rows, ready to be
    /// sent, into a table of the same columns without any index, in one transaction. In a file, which knows no such
    /// thing, one prepared `INSERT`, `batch` rows in a transaction. Only the writing counts; `processor` tells what
    /// this process has used so far. Not while a target is out.
    ///
    /// # Errors
    /// The database's.
    pub async fn copy_plainly(
        &self,
        batch: usize,
        processor: fn() -> Option<Duration>,
    ) -> Result<Copied, OpenError> {
        match &self.ground {
            Ground::Server(server) => server.copy_plainly(processor).await,
            Ground::File(file) => file.copy_plainly(batch, processor).await,
        }
    }

    /// Somebody who looks at the tables by a connection of its own.
    ///
    /// # Errors
    /// The database's.
    pub async fn onlooker(&self) -> Result<Onlooker, OpenError> {
        Ok(Onlooker(match &self.ground {
            Ground::Server(server) => Eye::Server(Box::new(server.look().await?)),
            Ground::File(file) => Eye::File(file.look().await?),
        }))
    }

    /// Removes it with all that is in it.
    ///
    /// # Errors
    /// The database's.
    pub async fn clear(self) -> Result<(), OpenError> {
        match self.ground {
            Ground::Server(server) => server.clear().await,
            Ground::File(file) => file.clear(),
        }
    }
}

/// See [`Trial::onlooker`].
#[derive(Debug)]
pub struct Onlooker(Eye);

#[derive(Debug)]
enum Eye {
    Server(Box<server::Look>),
    File(file::Look),
}

impl Onlooker {
    /// Whether the event is there.
    ///
    /// # Errors
    /// The database's.
    pub async fn sees(&self, event: Uuid) -> Result<bool, OpenError> {
        match &self.0 {
            Eye::Server(look) => look.sees(event).await,
            Eye::File(look) => look.sees(event).await,
        }
    }
}
