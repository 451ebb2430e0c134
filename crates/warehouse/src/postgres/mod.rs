//! The Postgres home: one database, any number of members.

mod columns;
mod commit;
mod days;
mod offsets;
mod staged;
mod statements;
mod values;

use std::time::Duration;

use async_trait::async_trait;
use bus::Slot;
use store::ground::{Connections, Failure, Terms};
use worker::{Batch, Progress, ProgressError, Standing};

use crate::migrate::postgres::quoted;
use crate::migrate::{Migration, Plan};
use crate::status::{Status, read_server};
use crate::{Entry, OpenError, Target};
use commit::Ending;
#[cfg(test)]
pub(crate) use commit::copy_plainly;

/// The name of this home in metrics.
const NAME: &str = "postgres";
/// One commits, the others are for assignments and questions meanwhile.
const CONNECTIONS_MAX: usize = 3;
/// A batch with many corrections reads many histories.
const STATEMENT_MAX: Duration = Duration::from_secs(60);
/// How often a transaction that met another is begun again before the caller is told, and the pause before that; it
/// grows with each time.
const TRIES_MAX: u32 = 10;
const PAUSE: Duration = Duration::from_millis(5);
/// How many of these may meet others before they are locked out for a moment.
const MEETINGS_MAX: u32 = 3;

/// A pool of connections.
#[derive(Debug)]
pub(crate) struct Postgres {
    connections: Connections,
    schema: String,
}

impl Postgres {
    /// Reads the url; connects on first use.
    pub(crate) fn new(url: &str, schema: &str) -> Result<Self, OpenError> {
        // Everything is looked for by id, a batch's worth at a time: a plan that reads a table from end to end, because
        // the table was small when it was made, would go on doing so; and one that seems dear would be compiled.
        let settings = format!(
            "SET jit = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET search_path = {}; {}",
            quoted(schema),
            statements::STAGE,
        );
        let terms = Terms { connections_max: CONNECTIONS_MAX, statement_max: STATEMENT_MAX, settings };
        let connections = Connections::on(url, terms).map_err(OpenError::of_store)?;
        Ok(Self { connections, schema: schema.to_owned() })
    }

    /// What the tables lack.
    pub(crate) async fn plan(&self) -> Result<Plan, OpenError> {
        let client = self.connections.get().await.map_err(refused)?;
        Ok(Migration::new(&self.schema).plan(&client).await?)
    }

    /// What is there, and how far it has come.
    pub(crate) async fn status(&self) -> Result<Status, OpenError> {
        let read = self.connections.ask(async |client| read_server(client).await);
        Ok(read.await.map_err(refused)?)
    }

    /// Brings the tables up to date.
    pub(crate) async fn migrate(&self) -> Result<Plan, OpenError> {
        let mut client = self.connections.get().await.map_err(refused)?;
        Ok(Migration::new(&self.schema).apply(&mut client).await?)
    }
}

/// The driver's words name the key of the store.
fn words(text: &str) -> String {
    text.replace("store.url", "warehouse.url")
}

fn refused(failure: Failure) -> ProgressError {
    match failure {
        Failure::Again(text) | Failure::Unavailable(text) => ProgressError::Unavailable(words(&text)),
        Failure::Refused { words: text, .. } => ProgressError::Refused(text),
        Failure::Broken(text) => ProgressError::Broken(words(&text)),
    }
}

#[async_trait]
impl Progress for Postgres {
    type Changes = Vec<Entry>;

    async fn assign(&self, _: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        offsets::assign(&self.connections, slots).await.map_err(refused)
    }

    async fn standings(&self, _: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        offsets::standings(&self.connections, slots).await.map_err(refused)
    }

    async fn commit(&self, _: &str, batch: &Batch<Vec<Entry>>) -> Result<(), ProgressError> {
        let mut tries = 1;
        loop {
            let alone = tries > MEETINGS_MAX;
            let attempt = self.connections.ask(async |client| commit::attempt(client, batch, alone).await);
            let why = match attempt.await {
                Ok(Ending::Done) => return Ok(()),
                Ok(Ending::Outdated) => return Err(ProgressError::Outdated),
                Ok(Ending::Met) => "another member is at the same subjects".to_owned(),
                Err(Failure::Again(why)) => why,
                Err(failure) => return Err(refused(failure)),
            };
            if tries == TRIES_MAX {
                return Err(ProgressError::Unavailable(why));
            }
            tracing::debug!(error = why, tries, "a transaction of the warehouse begins again: {why}");
            tokio::time::sleep(PAUSE * tries).await;
            tries += 1;
        }
    }

    async fn restart(&self, _: &str, slot: &Slot, epoch: i64, from: i64) -> Result<(), ProgressError> {
        let restarted = offsets::restart(&self.connections, slot, epoch, from).await.map_err(refused)?;
        if restarted { Ok(()) } else { Err(ProgressError::Outdated) }
    }
}

#[async_trait]
impl Target for Postgres {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn ping(&self) -> Result<(), ProgressError> {
        let asked = self.connections.ask(async |client| Ok(client.batch_execute("SELECT 1").await?));
        asked.await.map_err(refused)
    }

    async fn offsets(&self) -> Result<Vec<Standing>, ProgressError> {
        offsets::all(&self.connections).await.map_err(refused)
    }
}
