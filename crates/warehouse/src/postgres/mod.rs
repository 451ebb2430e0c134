//! The Postgres home: one database, any number of members.

mod advance;
mod columns;
mod commit;
mod days;
mod erasures;
mod exchange;
mod generation;
mod hindrances;
mod offsets;
#[cfg(test)]
mod plain;
mod staged;
mod standstill;
mod statements;
mod turn;
mod values;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bus::Slot;
use store::ground::{Connections, Failure, Terms};
use uuid::Uuid;
use worker::{Batch, Progress, ProgressError, Standing};

use crate::config::WRITERS_MAX;
use crate::erasures::{Erasure, Erasures};
use crate::migrate::postgres::quoted;
use crate::migrate::{Migration, Plan};
use crate::room::Room;
use crate::status::{Status, read_server};
use crate::sweep::{Rule, Swept};
use crate::target::Turn;
use crate::{Entry, OpenError, Target, observe};
use commit::{Ending, Shared};
pub(crate) use generation::{ServerSite, abandon, has_leftovers, look};
#[cfg(test)]
pub(crate) use plain::copy_plainly;
pub(crate) use statements::COPY_EVENTS;
#[cfg(test)]
pub(crate) use statements::TOGETHER;

/// The name of this home in metrics.
const NAME: &str = "postgres";
/// Each writer commits on one, the others are for assignments and questions meanwhile.
const CONNECTIONS_MAX: usize = WRITERS_MAX + 2;
/// A batch with many corrections reads many histories.
const STATEMENT_MAX: Duration = Duration::from_secs(60);
/// How long one lock is waited for: whoever has it may have stopped, which is looked for then.
const LOCK_MAX: Duration = Duration::from_secs(10);
/// How often an assignment waits that long; then the member is told, which asks again as long as it may.
const ASSIGN_TRIES_MAX: u32 = 3;
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
    room: Room,
    shared: Shared,
}

impl Postgres {
    /// Reads the url; connects on first use.
    pub(crate) fn new(url: &str, schema: &str) -> Result<Self, OpenError> {
        // Everything is looked for by id, a batch's worth at a time: a plan that reads a table from end to end, because
        // the table was small when it was made, would go on doing so; and one that seems dear would be compiled. Rows are
        // found in the order of an index, which is that in which they are locked.
        let settings = format!(
            "SET client_min_messages = warning; SET jit = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
             SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_material = off; \
             SET enable_memoize = off; SET lock_timeout = {}; SET search_path = {};",
            LOCK_MAX.as_millis(),
            quoted(schema),
        );
        let terms = Terms { connections_max: CONNECTIONS_MAX, statement_max: STATEMENT_MAX, settings };
        let connections = Connections::on(url, terms).map_err(OpenError::of_store)?;
        Ok(Self { connections, schema: schema.to_owned(), room: Room::default(), shared: Shared::default() })
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

    /// How many events of the batch were added.
    async fn committed(&self, batch: &Batch<Vec<Entry>>) -> Result<usize, ProgressError> {
        let mut alone = batch.changes.iter().any(|entry| entry.event.revision > 0);
        let mut tries = 1;
        loop {
            alone |= tries > MEETINGS_MAX;
            if alone {
                standstill::end(&self.connections, &self.shared.at_work).await;
            }
            let attempt = self
                .connections
                .ask(async |client| commit::attempt(client, batch, (alone, &self.shared)).await);
            let why = match attempt.await {
                Ok(Ending::Done(rows)) => return Ok(rows),
                Ok(Ending::Outdated) => return Err(ProgressError::Outdated),
                Ok(Ending::Alone) => {
                    alone = true;
                    continue;
                }
                Ok(Ending::Met) => "another member is at the same subjects".to_owned(),
                Err(Failure::Again(why)) => {
                    standstill::end(&self.connections, &self.shared.at_work).await;
                    why
                }
                Err(failure) => return Err(refused(failure)),
            };
            if tries == TRIES_MAX {
                return Err(ProgressError::Unavailable(why));
            }
            observe::begun_again();
            tracing::debug!(error = why, tries, "a transaction of the warehouse begins again: {why}");
            tokio::time::sleep(PAUSE * tries).await;
            tries += 1;
        }
    }
}

/// The driver's words name the key of the store.
fn words(text: &str) -> String {
    text.replace("store.url", "warehouse.url")
}

pub(crate) fn refused(failure: Failure) -> ProgressError {
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
        let mut tries = 1;
        loop {
            // Whoever had the slots before may have stopped with them in its hands.
            standstill::end(&self.connections, &self.shared.at_work).await;
            match offsets::assign(&self.connections, slots).await {
                Err(Failure::Again(_)) if tries < ASSIGN_TRIES_MAX => tries += 1,
                assigned => return assigned.map_err(refused),
            }
        }
    }

    async fn standings(&self, _: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        offsets::standings(&self.connections, slots).await.map_err(refused)
    }

    async fn commit(&self, _: &str, batch: &Batch<Vec<Entry>>) -> Result<(), ProgressError> {
        let (begun, events) = (Instant::now(), batch.changes.len());
        let committed = self.committed(batch).await;
        if let Ok(rows) = &committed {
            observe::written(NAME, events, *rows);
        }
        let outcome = committed.map(drop);
        self.room.note(&outcome);
        observe::batch(NAME, &outcome, begun.elapsed());
        outcome
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
        asked.await.map_err(refused)?;
        self.room.check()
    }

    async fn offsets(&self) -> Result<Vec<Standing>, ProgressError> {
        offsets::all(&self.connections).await.map_err(refused)
    }

    async fn erasures(&self) -> Result<Erasures, ProgressError> {
        erasures::read(&self.connections).await.map_err(refused)
    }

    async fn forget(&self, all: &[Erasure], run: &str) -> Result<(), ProgressError> {
        erasures::add(&self.connections, all, run).await.map_err(refused)
    }

    async fn sweep(&self, after: Option<Uuid>, rule: &Rule, applies: bool) -> Result<Swept, ProgressError> {
        erasures::sweep(&self.connections, after, rule, applies).await.map_err(refused)
    }

    async fn turn(&self) -> Result<Option<Turn>, ProgressError> {
        turn::take(&self.connections).await.map_err(refused)
    }
}
