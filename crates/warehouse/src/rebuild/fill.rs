//! A new generation is filled: records in, batches out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bus::{BusError, InRecord, Reader, Slot};
use futures::join;
use tokio::time::{sleep, timeout};
use worker::{Batch, BatchHandler, Failure, Fingerprint, Last, Mark, ProgressError, Standing};

use super::RebuildError;
use crate::{Entry, SERVICE, TOPIC, Target};

/// As much as a full batch of the service.
const RECORDS_MAX: usize = 5_000;
const BYTES_MAX: usize = 8 << 20;
/// How many places of records are remembered that became no rows; whatever rows were made of further ones counts as lost
/// all the same.
const PLACES_MAX: usize = 100_000;
/// How long the first record is waited for when there is nothing to write, and how long the next ones.
const FIRST: Duration = Duration::from_millis(200);
const NEXT: Duration = Duration::from_millis(20);
/// How long a home or a registry that does not answer is left alone, and how often it is asked again.
const PAUSE: Duration = Duration::from_secs(1);
const TRIES_MAX: u32 = 300;

/// Where records come from, each partition in order. A wait for one may be given up without losing it.
#[async_trait]
pub(crate) trait Records: Send {
    async fn next(&mut self) -> Result<InRecord, BusError>;
}

#[async_trait]
impl Records for Reader {
    async fn next(&mut self) -> Result<InRecord, BusError> {
        Reader::next(self).await
    }
}

/// One partition of the new generation.
#[derive(Debug, Clone)]
struct Share {
    epoch: i64,
    /// The offset after the last record that is contained; 0 where none is.
    next: i64,
    /// What the topic had when it began.
    low: i64,
    high: i64,
    /// The last record of the live generation, when it began.
    footing: Option<Last>,
}

/// Reads and writes at once.
pub(crate) struct Fill<H> {
    records: Box<dyn Records>,
    gathered: Vec<InRecord>,
    writer: Writer<H>,
}

struct Writer<H> {
    target: Arc<dyn Target>,
    intake: H,
    shares: BTreeMap<i32, Share>,
    read: u64,
    /// Records that are no rows, by reason, and where they were.
    skipped: BTreeMap<&'static str, u64>,
    places: Vec<(i32, i64)>,
}

/// A record with what it means; nothing, where it is left out.
struct Taken {
    record: InRecord,
    entry: Option<Entry>,
}

impl<H: BatchHandler<Item = Entry>> Fill<H> {
    /// Of a generation that is empty; `topic` is what each partition has, `live` where the live generation stands.
    pub(crate) async fn begin(
        target: Arc<dyn Target>,
        (records, intake): (Box<dyn Records>, H),
        topic: &[(i32, i64, i64)],
        live: &[Standing],
    ) -> Result<Self, RebuildError> {
        let slots: Vec<Slot> = topic.iter().map(|(partition, ..)| Slot::new(TOPIC, *partition)).collect();
        let standings = target.assign(SERVICE, &slots).await?;
        let share = |&(partition, low, high): &(i32, i64, i64)| {
            let slot = Slot::new(TOPIC, partition);
            let ours = standings.iter().find(|standing| standing.slot == slot)?;
            let footing = live.iter().find(|standing| standing.slot == slot).and_then(|it| it.last);
            Some((partition, Share { epoch: ours.epoch, next: ours.next, low, high, footing }))
        };
        let shares = topic.iter().filter_map(share).collect();
        let writer = Writer { target, intake, shares, read: 0, skipped: BTreeMap::new(), places: Vec::new() };
        Ok(Self { records, gathered: Vec::new(), writer })
    }

    /// Writes what was read, and reads on meanwhile. False: nothing came, and nothing was left to write.
    pub(crate) async fn round(&mut self) -> Result<bool, RebuildError> {
        let batch = std::mem::take(&mut self.gathered);
        let is_idle = batch.is_empty();
        let patience = if is_idle { FIRST } else { NEXT };
        let (written, gathered) = join!(self.writer.write(batch), gather(&mut *self.records, patience));
        // The batch is gone with its failure, so nobody may go on as if it was written.
        written.map_err(given_up)?;
        self.gathered = gathered?;
        Ok(!is_idle || !self.gathered.is_empty())
    }

    /// Whether all is contained that the topic had at the beginning.
    pub(crate) fn is_at_the_ends(&self) -> bool {
        self.writer.shares.values().all(|share| share.next.max(share.low) >= share.high)
    }

    /// That every partition of `live` is read.
    pub(crate) fn check(&self, live: &[Standing]) -> Result<(), RebuildError> {
        let of_topic = live.iter().filter(|it| &*it.slot.topic == TOPIC && it.next > 0);
        match of_topic.map(|it| it.slot.partition).find(|it| !self.writer.shares.contains_key(it)) {
            Some(partition) => {
                let why = "the topic did not have it at the beginning".to_owned();
                Err(RebuildError::Elsewhere { partition, why })
            }
            None => Ok(()),
        }
    }

    /// How many records of `live` are not contained yet.
    pub(crate) fn behind(&self, live: &[Standing]) -> i64 {
        let ours =
            |partition| self.writer.shares.get(&partition).map_or(0, |share| share.next.max(share.low));
        let of_topic = live.iter().filter(|standing| &*standing.slot.topic == TOPIC);
        of_topic.map(|standing| (standing.next - ours(standing.slot.partition)).max(0)).sum()
    }

    /// By partition, what is contained or was not on the topic any more.
    pub(crate) fn covered(&self) -> Vec<(i32, i64)> {
        self.writer.shares.iter().map(|(partition, share)| (*partition, share.next.max(share.low))).collect()
    }

    /// Where records were that became no rows; of very many, the first ones.
    pub(crate) fn places(&self) -> &[(i32, i64)] {
        &self.writer.places
    }

    /// Records that were read, and how many the topic had at the beginning.
    pub(crate) fn read(&self) -> (u64, u64) {
        let records = self.writer.shares.values().map(|share| (share.high - share.low).max(0));
        (self.writer.read, records.sum::<i64>().unsigned_abs())
    }

    pub(crate) fn skipped(&self) -> BTreeMap<&'static str, u64> {
        self.writer.skipped.clone()
    }
}

/// A home that was asked often enough: what may pass does not pass for this rebuild.
fn given_up(error: RebuildError) -> RebuildError {
    match error {
        RebuildError::Home(ProgressError::Unavailable(why)) => RebuildError::Home(ProgressError::Broken(why)),
        other => other,
    }
}

/// What comes at once, up to a batch; what came by the time of an error is not given, for nothing is done with it.
async fn gather(records: &mut dyn Records, first: Duration) -> Result<Vec<InRecord>, RebuildError> {
    let (mut gathered, mut bytes) = (Vec::new(), 0);
    while gathered.len() < RECORDS_MAX && bytes < BYTES_MAX {
        let patience = if gathered.is_empty() { first } else { NEXT };
        let Ok(record) = timeout(patience, records.next()).await else { break };
        let record = record?;
        bytes += record.size();
        gathered.push(record);
    }
    Ok(gathered)
}

impl<H: BatchHandler<Item = Entry>> Writer<H> {
    async fn write(&mut self, records: Vec<InRecord>) -> Result<(), RebuildError> {
        let mut batch = Vec::with_capacity(records.len());
        for record in records {
            self.check(&record)?;
            let entry = self.decode(&record).await?;
            batch.push(Taken { record, entry });
        }
        // A batch that is refused for what one row holds is halved until that row is known.
        let whole = 0..batch.len();
        let mut left = vec![whole];
        while let Some(range) = left.pop().filter(|range| !range.is_empty()) {
            let (begin, end) = (range.start, range.end);
            match self.commit(&batch[range]).await {
                Ok(()) => self.read += (end - begin) as u64,
                Err(ProgressError::Refused(_)) if end - begin > 1 => {
                    let middle = begin + (end - begin) / 2;
                    left.extend([middle..end, begin..middle]);
                }
                Err(ProgressError::Refused(_)) if batch[begin].entry.is_some() => {
                    self.skip("refused", &batch[begin].record);
                    batch[begin].entry = None;
                    left.push(begin..end);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// That the live generation has read this very record, where it stands on it.
    fn check(&self, record: &InRecord) -> Result<(), RebuildError> {
        let footing = self.shares.get(&record.slot.partition).and_then(|share| share.footing);
        match footing.filter(|last| last.offset == record.offset) {
            Some(last) if last.fingerprint != Fingerprint::of(record) => Err(RebuildError::Elsewhere {
                partition: record.slot.partition,
                why: format!("another record is at {}", record.offset),
            }),
            _ => Ok(()),
        }
    }

    fn skip(&mut self, reason: &'static str, record: &InRecord) {
        *self.skipped.entry(reason).or_default() += 1;
        if self.places.len() < PLACES_MAX {
            self.places.push((record.slot.partition, record.offset));
        }
    }

    async fn decode(&mut self, record: &InRecord) -> Result<Option<Entry>, RebuildError> {
        let mut tries = 0;
        loop {
            let failure = match self.intake.decode(record).await {
                Ok(entry) => return Ok(Some(entry)),
                Err(failure) => failure,
            };
            tries += 1;
            match failure {
                Failure::Reject { reason, .. } => {
                    self.skip(reason, record);
                    return Ok(None);
                }
                Failure::Retry { .. } if tries < TRIES_MAX => sleep(PAUSE).await,
                Failure::Retry { reason, error, .. } | Failure::Halt { reason, error } => {
                    return Err(RebuildError::Unreadable { reason, why: error });
                }
            }
        }
    }

    /// All of them, or none.
    async fn commit(&mut self, taken: &[Taken]) -> Result<(), ProgressError> {
        let marks = self.marks(taken)?;
        let changes = taken.iter().filter_map(|taken| taken.entry.clone()).collect();
        let batch = Batch { marks, changes, produce: Vec::new() };
        let mut tries = 0;
        loop {
            match self.target.commit(SERVICE, &batch).await {
                Ok(()) => break,
                // What was not answered may have been done: then it has moved on.
                Err(ProgressError::Unavailable(_)) if tries < TRIES_MAX => {
                    tries += 1;
                    sleep(PAUSE).await;
                }
                Err(ProgressError::Outdated) if tries > 0 && self.is_done(&batch).await? => break,
                Err(error) => return Err(error),
            }
        }
        for mark in &batch.marks {
            if let Some(share) = self.shares.get_mut(&mark.slot.partition) {
                share.next = mark.next;
            }
        }
        Ok(())
    }

    async fn is_done(&self, batch: &Batch<Vec<Entry>>) -> Result<bool, ProgressError> {
        let slots: Vec<Slot> = batch.marks.iter().map(|mark| mark.slot.clone()).collect();
        let standings = self.target.standings(SERVICE, &slots).await?;
        let stands = |mark: &Mark| {
            standings.iter().any(|it| it.slot == mark.slot && it.epoch == mark.epoch && it.next == mark.next)
        };
        Ok(batch.marks.iter().all(stands))
    }

    fn marks(&self, taken: &[Taken]) -> Result<Vec<Mark>, ProgressError> {
        let mut ends: BTreeMap<i32, &InRecord> = BTreeMap::new();
        ends.extend(taken.iter().map(|taken| (taken.record.slot.partition, &taken.record)));
        let mark = |(partition, record): (i32, &InRecord)| {
            let share = self.shares.get(&partition).ok_or_else(|| {
                ProgressError::Broken(format!("{} has come while the tables were filled", record.slot))
            })?;
            let (epoch, from) = (share.epoch, share.next);
            Ok(Mark {
                slot: record.slot.clone(),
                epoch,
                from,
                next: record.offset + 1,
                last: Last::of(record),
            })
        };
        ends.into_iter().map(mark).collect()
    }
}
