//! The embedded home: one file, owned by one thread of one process.

mod columns;
mod commit;
mod erasures;
mod generation;
mod statements;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use bus::Slot;
use jiff::Timestamp;
use store::QueueError;
use store::ground::{Owner, Session};
use uuid::Uuid;
use worker::{Batch, Fingerprint, Last, Progress, ProgressError, Standing};

use crate::erasures::{Erasure, Erasures};
use crate::migrate::embedded as migrate;
use crate::recall::Recall;
use crate::room::Room;
use crate::sweep::{Rule, Swept};
use crate::target::Turn;
use crate::{Entry, OpenError, Tables, Target, observe};
use columns::{Reader, time};
use statements as sql;

pub(crate) use generation::{FileSite, abandon, has_leftovers, look};

/// The name of this home in metrics.
const NAME: &str = "embedded";

/// A handle on the thread that owns the file.
#[derive(Debug)]
pub(crate) struct Embedded {
    owner: Owner,
    room: Room,
    recall: Arc<Recall>,
}

impl Embedded {
    /// Makes the folders, takes the lock, looks after the tables.
    pub(crate) async fn open(path: PathBuf, tables: Tables) -> Result<Self, OpenError> {
        let prepare = move |session: &mut Session| prepare(session, tables);
        Ok(Self::of(Owner::open("warehouse", path, prepare).await?))
    }

    /// A second hand on the file of another process, for a person's deeds: it takes its turn with each transaction. The
    /// tables have to be there.
    pub(crate) async fn beside(path: PathBuf) -> Result<Self, OpenError> {
        let prepare = move |session: &mut Session| prepare(session, Tables::Expect);
        Ok(Self::of(Owner::beside("warehouse", path, prepare).await?))
    }

    fn of(owner: Owner) -> Self {
        Self { owner, room: Room::default(), recall: Arc::default() }
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, ProgressError> {
        self.owner.call(work).await.map_err(refused)
    }

    /// How many events of the batch were added.
    async fn committed(&self, batch: Batch<Vec<Entry>>) -> Result<usize, ProgressError> {
        let is_refused = Arc::new(AtomicBool::new(false));
        let (seen, recall) = (Arc::clone(&is_refused), Arc::clone(&self.recall));
        let committed = self.call(move |session| {
            let done = commit::commit(session, &batch, (&recall, Timestamp::now()));
            seen.store(done.is_err() && session.is_content_refused(), Ordering::SeqCst);
            done
        });
        match committed.await {
            Ok(Some(rows)) => Ok(rows),
            Ok(None) => Err(ProgressError::Outdated),
            Err(ProgressError::Broken(why)) if is_refused.load(Ordering::SeqCst) => {
                Err(ProgressError::Refused(why))
            }
            Err(error) => Err(error),
        }
    }
}

fn prepare(session: &mut Session, tables: Tables) -> Result<(), OpenError> {
    let connection = session.connection();
    // On a file, they wait for nothing but the file.
    let plan = futures::executor::block_on(async {
        match tables {
            Tables::Migrate => migrate::apply(connection).await.map(|_| 0),
            Tables::Expect => migrate::plan(connection).await.map(|plan| plan.pending.len()),
        }
    });
    match plan? {
        0 => Ok(()),
        lacking => Err(OpenError::Behind(lacking)),
    }
}

fn refused(error: QueueError) -> ProgressError {
    match error {
        QueueError::Unavailable(why) => ProgressError::Unavailable(why),
        QueueError::Broken(why) => ProgressError::Broken(why),
    }
}

fn read(row: &libsql::Row) -> Result<Standing, libsql::Error> {
    let mut reader = Reader::new(row, 0);
    let slot = Slot::new(reader.text()?, row.get(1)?);
    let fingerprint = row.get::<Option<String>>(5)?.and_then(|id| id.parse().ok()).map(Fingerprint);
    let last = row.get::<Option<i64>>(4)?.zip(fingerprint);
    let last = last.map(|(offset, fingerprint)| Last { offset, fingerprint });
    Ok(Standing { slot, epoch: row.get(2)?, next: row.get(3)?, last })
}

fn standings(session: &mut Session, slots: &[Slot]) -> Result<Vec<Standing>, QueueError> {
    let mut found = Vec::with_capacity(slots.len());
    for slot in slots {
        found.extend(session.rows(sql::STANDING, (&*slot.topic, slot.partition), read)?);
    }
    Ok(found)
}

#[async_trait]
impl Progress for Embedded {
    type Changes = Vec<Entry>;

    async fn assign(&self, _: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        let (slots, now) = (slots.to_vec(), time(Timestamp::now()));
        self.call(move |session| {
            for slot in &slots {
                session.run(sql::ASSIGN, (&*slot.topic, slot.partition, now.as_str()))?;
            }
            standings(session, &slots)
        })
        .await
    }

    async fn standings(&self, _: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        let slots = slots.to_vec();
        self.call(move |session| standings(session, &slots)).await
    }

    async fn commit(&self, _: &str, batch: &Batch<Vec<Entry>>) -> Result<(), ProgressError> {
        let (begun, events) = (Instant::now(), batch.changes.len());
        let committed = self.committed(batch.clone()).await;
        if let Ok(rows) = &committed {
            observe::written(NAME, events, *rows);
        }
        let outcome = committed.map(drop);
        self.room.note(&outcome);
        observe::batch(NAME, &outcome, begun.elapsed());
        outcome
    }

    async fn restart(&self, _: &str, slot: &Slot, epoch: i64, from: i64) -> Result<(), ProgressError> {
        let (slot, now) = (slot.clone(), time(Timestamp::now()));
        let at = move |session: &mut Session| {
            session.run(sql::RESTART, (&*slot.topic, slot.partition, epoch, from, now.as_str()))
        };
        if self.call(at).await? == 1 { Ok(()) } else { Err(ProgressError::Outdated) }
    }
}

#[async_trait]
impl Target for Embedded {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn ping(&self) -> Result<(), ProgressError> {
        self.call(|session| session.rows("SELECT 1", (), |_| Ok(())).map(drop)).await?;
        self.room.check()
    }

    async fn offsets(&self) -> Result<Vec<Standing>, ProgressError> {
        self.call(|session| session.rows(sql::OFFSETS, (), read)).await
    }

    async fn erasures(&self) -> Result<Erasures, ProgressError> {
        self.call(erasures::read).await
    }

    async fn forget(&self, all: &[Erasure], run: &str) -> Result<(), ProgressError> {
        let (all, run) = (all.to_vec(), run.to_owned());
        self.call(move |session| erasures::add(session, &all, &run)).await
    }

    async fn sweep(&self, after: Option<Uuid>, rule: &Rule, applies: bool) -> Result<Swept, ProgressError> {
        let rule = rule.clone();
        self.call(move |session| erasures::sweep(session, after, &rule, applies)).await
    }

    async fn turn(&self) -> Result<Option<Turn>, ProgressError> {
        // The file has one process.
        Ok(Some(Turn::default()))
    }
}
