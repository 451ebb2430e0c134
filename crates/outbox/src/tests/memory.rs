//! A queue in memory, as simple as the contract allows.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::holder::later;
use crate::{Depth, Effect, Outcome, Parcel, Planned, Queue, QueueError, Row, Settlement, Take};

#[derive(Debug, Clone)]
pub struct Kept {
    pub parcel: Parcel,
    planned_at: Timestamp,
    pub attempt: u32,
    pub not_before: Timestamp,
    lease: Option<(String, Timestamp)>,
    pub end: Option<Outcome>,
}

impl Kept {
    pub fn is_leased(&self) -> bool {
        self.lease.is_some()
    }
}

/// Rows in the order of planning (a row's id is its place), and which of them are unfinished.
#[derive(Default)]
struct Book {
    rows: Vec<Kept>,
    claims: HashSet<Effect>,
    unfinished: BTreeMap<String, BTreeSet<usize>>,
}

pub struct Memory {
    book: Mutex<Book>,
    /// The epoch of 1970, for the time that stands still.
    began: Instant,
    down: AtomicBool,
    /// Who asks for rows gets no answer, ever.
    pub hangs: AtomicBool,
    /// How long taking and marking take.
    pub slow: Mutex<Duration>,
    pub takes: AtomicUsize,
    pub released: AtomicBool,
    /// A target whose lease another member has.
    pub withheld: Mutex<HashSet<String>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            book: Mutex::default(),
            began: Instant::now(),
            down: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            slow: Mutex::default(),
            takes: AtomicUsize::new(0),
            released: AtomicBool::new(false),
            withheld: Mutex::default(),
        }
    }
}

impl Memory {
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub fn rows(&self) -> Vec<Kept> {
        self.book.lock().unwrap().rows.clone()
    }

    /// Rows of a target that somebody has taken, and their bytes.
    pub fn taken(&self, target: &str) -> (usize, usize) {
        let book = self.book.lock().unwrap();
        let leased = book.unfinished_of(target).filter(|(_, row)| row.is_leased());
        leased.fold((0, 0), |(rows, bytes), (_, row)| (rows + 1, bytes + row.parcel.size()))
    }

    /// How each row ended, in the order of planning.
    pub fn ends(&self) -> Vec<Option<Outcome>> {
        self.rows().into_iter().map(|row| row.end).collect()
    }

    async fn answers(&self) {
        let slow = *self.slow.lock().unwrap();
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
    }

    fn up(&self) -> Result<MutexGuard<'_, Book>, QueueError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(QueueError::Unavailable("out of order".to_owned()));
        }
        Ok(self.book.lock().unwrap())
    }
}

impl Book {
    fn unfinished_of(&self, target: &str) -> impl Iterator<Item = (usize, &Kept)> {
        self.unfinished.get(target).into_iter().flatten().map(|id| (*id, &self.rows[*id]))
    }

    /// Of each subject of the target the first unfinished row.
    fn heads(&self, target: &str) -> Vec<(usize, &Kept)> {
        let mut subjects = HashSet::new();
        self.unfinished_of(target).filter(|(_, row)| subjects.insert(&row.parcel.subject_key)).collect()
    }
}

fn due_at(row: &Kept) -> Timestamp {
    row.lease.as_ref().map_or(row.not_before, |(_, until)| row.not_before.max(*until))
}

#[async_trait]
impl Queue for Memory {
    async fn plan(&self, parcels: Vec<Parcel>) -> Result<Planned, QueueError> {
        let mut book = self.up()?;
        let mut planned = Planned::default();
        let (planned_at, not_before) = (later(Timestamp::UNIX_EPOCH, self.began.elapsed()), Timestamp::MIN);
        for parcel in parcels {
            if !book.claims.insert(parcel.effect.clone()) {
                planned.known += 1;
                continue;
            }
            planned.new += 1;
            let id = book.rows.len();
            book.unfinished.entry(parcel.effect.target.clone()).or_default().insert(id);
            book.rows.push(Kept { parcel, planned_at, attempt: 0, not_before, lease: None, end: None });
        }
        Ok(planned)
    }

    async fn known(&self, effects: Vec<Effect>) -> Result<Vec<bool>, QueueError> {
        let book = self.up()?;
        Ok(effects.iter().map(|effect| book.claims.contains(effect)).collect())
    }

    async fn close(&self, effects: Vec<Effect>, _reason: &str) -> Result<(), QueueError> {
        self.up()?.claims.extend(effects);
        Ok(())
    }

    async fn hold(
        &self,
        _service: &str,
        _owner: &str,
        targets: &[String],
        _until: Timestamp,
        _now: Timestamp,
    ) -> Result<Vec<String>, QueueError> {
        drop(self.up()?);
        let withheld = self.withheld.lock().unwrap();
        Ok(targets.iter().filter(|target| !withheld.contains(*target)).cloned().collect())
    }

    async fn release(&self, _service: &str, _owner: &str) -> Result<(), QueueError> {
        self.released.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn take(&self, take: Take) -> Result<Vec<Row>, QueueError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.answers().await;
        let mut book = self.up()?;
        self.takes.fetch_add(1, Ordering::SeqCst);
        let mut taken = Vec::new();
        for want in &take.wants {
            let due = book.heads(&want.target).into_iter().filter(|(_, row)| due_at(row) <= take.now);
            let ids: Vec<usize> = due.map(|(id, _)| id).take(want.limit).collect();
            for id in ids {
                let row = &mut book.rows[id];
                let ambiguous = row.lease.replace((take.owner.clone(), take.lease_until)).is_some();
                row.attempt += 1;
                let id = i64::try_from(id).unwrap();
                taken.push(Row { id, attempt: row.attempt, parcel: row.parcel.clone(), ambiguous });
            }
        }
        Ok(taken)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), QueueError> {
        self.answers().await;
        let mut book = self.up()?;
        for Settlement { id, owner, attempt, outcome } in settlements {
            let id = usize::try_from(id).unwrap();
            let row = &mut book.rows[id];
            let is_ours = row.lease.as_ref().is_some_and(|(by, _)| *by == owner) && row.attempt == attempt;
            if !is_ours || row.end.is_some() {
                continue;
            }
            row.lease = None;
            match outcome {
                Outcome::Again { not_before, .. } => row.not_before = not_before,
                Outcome::Untried { not_before } => (row.not_before, row.attempt) = (not_before, attempt - 1),
                end => {
                    row.end = Some(end);
                    let target = row.parcel.effect.target.clone();
                    book.unfinished.entry(target).or_default().remove(&id);
                }
            }
        }
        Ok(())
    }

    async fn next_due(
        &self,
        _service: &str,
        targets: &[String],
    ) -> Result<Vec<(String, Timestamp)>, QueueError> {
        let book = self.up()?;
        let due = targets.iter().filter_map(|target| {
            book.heads(target).into_iter().map(|(_, row)| due_at(row)).min().map(|due| (target.clone(), due))
        });
        Ok(due.collect())
    }

    async fn depths(&self, _service: &str) -> Result<Vec<Depth>, QueueError> {
        let book = self.up()?;
        let depth = |(target, ids): (&String, &BTreeSet<usize>)| {
            let oldest = ids.first().map(|id| book.rows[*id].planned_at);
            Depth { target: target.clone(), rows: ids.len() as u64, oldest }
        };
        Ok(book.unfinished.iter().map(depth).filter(|depth| depth.rows > 0).collect())
    }

    async fn prune(&self, _before: Timestamp) -> Result<u64, QueueError> {
        Ok(0)
    }
}
