//! A queue in memory, as simple as the contract allows.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Depth, Outcome, Parcel, Planned, Queue, QueueError, Row, Settlement, Take};

#[derive(Debug, Clone)]
pub struct Kept {
    pub parcel: Parcel,
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

/// Rows by id, in the order of planning.
#[derive(Default)]
pub struct Memory {
    rows: Mutex<BTreeMap<i64, Kept>>,
    down: AtomicBool,
    pub takes: AtomicUsize,
    pub released: AtomicBool,
    /// A target whose lease another member has.
    pub withheld: Mutex<HashSet<String>>,
}

impl Memory {
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub fn rows(&self) -> Vec<Kept> {
        self.rows.lock().unwrap().values().cloned().collect()
    }

    /// How each row ended, in the order of planning.
    pub fn ends(&self) -> Vec<Option<Outcome>> {
        self.rows().into_iter().map(|row| row.end).collect()
    }

    fn up(&self) -> Result<std::sync::MutexGuard<'_, BTreeMap<i64, Kept>>, QueueError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(QueueError::Unavailable("out of order".to_owned()));
        }
        Ok(self.rows.lock().unwrap())
    }
}

fn due_at(row: &Kept) -> Timestamp {
    row.lease.as_ref().map_or(row.not_before, |(_, until)| row.not_before.max(*until))
}

/// Of each subject of the target the first unfinished row.
fn heads<'a>(rows: &'a BTreeMap<i64, Kept>, target: &str) -> Vec<(i64, &'a Kept)> {
    let mut subjects = HashSet::new();
    let unfinished = rows.iter().filter(|(_, row)| row.parcel.effect.target == target && row.end.is_none());
    unfinished
        .filter(|(_, row)| subjects.insert(&row.parcel.subject_key))
        .map(|(id, row)| (*id, row))
        .collect()
}

#[async_trait]
impl Queue for Memory {
    async fn plan(&self, parcels: Vec<Parcel>) -> Result<Planned, QueueError> {
        let mut rows = self.up()?;
        let mut planned = Planned::default();
        for parcel in parcels {
            if rows.values().any(|row| row.parcel.effect == parcel.effect) {
                planned.known += 1;
                continue;
            }
            planned.new += 1;
            let id = i64::try_from(rows.len()).unwrap();
            let not_before = Timestamp::MIN;
            rows.insert(id, Kept { parcel, attempt: 0, not_before, lease: None, end: None });
        }
        Ok(planned)
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
        let mut rows = self.up()?;
        self.takes.fetch_add(1, Ordering::SeqCst);
        let mut taken = Vec::new();
        for want in &take.wants {
            let due = heads(&rows, &want.target).into_iter().filter(|(_, row)| due_at(row) <= take.now);
            let ids: Vec<i64> = due.map(|(id, _)| id).take(want.limit).collect();
            for id in ids {
                let row = rows.get_mut(&id).unwrap();
                let ambiguous = row.lease.replace((take.owner.clone(), take.lease_until)).is_some();
                row.attempt += 1;
                taken.push(Row { id, attempt: row.attempt, parcel: row.parcel.clone(), ambiguous });
            }
        }
        Ok(taken)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), QueueError> {
        let mut rows = self.up()?;
        for Settlement { id, owner, attempt, outcome } in settlements {
            let row = rows.get_mut(&id).unwrap();
            let is_ours = row.lease.as_ref().is_some_and(|(by, _)| *by == owner) && row.attempt == attempt;
            if !is_ours || row.end.is_some() {
                continue;
            }
            row.lease = None;
            match outcome {
                Outcome::Again { not_before, .. } => row.not_before = not_before,
                Outcome::Untried { not_before } => (row.not_before, row.attempt) = (not_before, attempt - 1),
                end => row.end = Some(end),
            }
        }
        Ok(())
    }

    async fn next_due(
        &self,
        _service: &str,
        targets: &[String],
    ) -> Result<Vec<(String, Timestamp)>, QueueError> {
        let rows = self.up()?;
        let due = targets.iter().filter_map(|target| {
            heads(&rows, target)
                .into_iter()
                .map(|(_, row)| due_at(row))
                .min()
                .map(|due| (target.clone(), due))
        });
        Ok(due.collect())
    }

    async fn depths(&self, _service: &str) -> Result<Vec<Depth>, QueueError> {
        let rows = self.up()?;
        let mut depths: BTreeMap<String, u64> = BTreeMap::new();
        for row in rows.values().filter(|row| row.end.is_none()) {
            *depths.entry(row.parcel.effect.target.clone()).or_default() += 1;
        }
        Ok(depths.into_iter().map(|(target, rows)| Depth { target, rows, oldest: None }).collect())
    }

    async fn prune(&self, _before: Timestamp) -> Result<u64, QueueError> {
        Ok(0)
    }
}
