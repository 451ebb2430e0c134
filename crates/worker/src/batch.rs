//! What a state service implements, and how one batch is carried out.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boot::trace::{current, within};
use bus::{InRecord, OutRecord, Slot};
use futures::future::FutureExt;

#[cfg(doc)]
use crate::BatchWorker;
use crate::batches::{Cut, Fate, Share, judge};
use crate::job::Verdict;
use crate::letters::{Giver, compose};
use crate::progress::{Batch, Last, Mark, Progress, ProgressError};
use crate::work::said;
use crate::{DeadLetters, Failure, observe, traces};

/// How long a store that does not answer is left alone.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How many records one task reads.
const DECODED_TOGETHER: usize = 1_000;

/// What a member is told about records of all its partitions at once.
///
/// One batch is under way at a time, or several ([`BatchWorker::writers`]), and then no partition is in two of them: to the
/// handler and to the store they are as batches of several members. Between two batches nothing but what was committed is
/// left, so a handler keeps no state of its own, and one that reads state asks for one writer, unless what it reads for a
/// record depends on records of the same partition alone. Retry, of whatever kind, is tried again without end: trouble around a record is never its fault. A
/// panic rejects, with the reason `panic`.
#[async_trait]
pub trait BatchHandler: Send + Sync + 'static {
    /// A decoded record.
    type Item: Send + Sync + 'static;
    /// What is committed, in the words of its [`Progress`].
    type Changes: Send + Sync + 'static;

    /// Reads the record. A record whose batch is tried again is read again; several may be read at once.
    async fn decode(&self, record: &InRecord) -> Result<Self::Item, Failure>;

    /// Turns records, in order within each partition, into what is to be written and produced. It may read the state
    /// and must not write. A Reject of many records is asked again of fewer, until the one at fault is known.
    async fn fold(&self, items: Vec<(&InRecord, Self::Item)>) -> Result<Effects<Self::Changes>, Failure>;
}

/// What a batch does.
#[derive(Debug, Clone, Default)]
pub struct Effects<C> {
    /// Rows and state.
    pub changes: C,
    /// Records for Kafka, in order; they carry ids of their own, for they may be produced more than once.
    pub produce: Vec<OutRecord>,
}

/// How a cut ended.
#[derive(Debug)]
pub enum Ending {
    /// The store has spoken on each share.
    Judged(Vec<Fate>),
    /// These records can never succeed.
    Rejected(Vec<(Slot, i64, Verdict)>),
    /// One of them cannot; nobody knows which.
    TooMany,
    /// As the two above, by the store and after the letters of the cut were buried; with the verdict where it is known
    /// which one.
    Refused(Option<(Slot, i64, Verdict)>),
    /// None of it happened.
    Failed(Failure),
}

/// What carrying out needs.
pub struct Works<H: BatchHandler, P: ?Sized> {
    pub service: &'static str,
    pub handler: H,
    pub progress: Arc<P>,
    pub dead: Arc<dyn DeadLetters>,
    pub clock: boot::Clock,
}

/// A record that was read, or why it never can be. Items are large, and go through several hands.
type Decoded<H> = Result<Box<<H as BatchHandler>::Item>, Verdict>;

impl<H: BatchHandler, P: Progress<Changes = H::Changes> + ?Sized> Works<H, P> {
    /// Decodes, folds, buries, commits; when the store is unsure or refuses, asks it how things stand.
    pub async fn carry_out(self: &Arc<Self>, cut: &Cut) -> Ending {
        let span = traces::batch(self.service, cut);
        let ending = within(span.recorded(), pin!(self.carry(cut))).await;
        traces::batch_ended(span, &ending);
        ending
    }

    async fn carry(self: &Arc<Self>, cut: &Cut) -> Ending {
        let items = match self.read(cut).await {
            Ok(items) => items,
            Err(ending) => return ending,
        };
        let alone = match items.as_slice() {
            [(record, _)] => Some((record.slot.clone(), record.offset)),
            _ => None,
        };
        let is_empty = items.is_empty();
        let folded = AssertUnwindSafe(self.handler.fold(items)).catch_unwind().await;
        let folded = folded.unwrap_or_else(|panic| Err(Failure::reject("panic", said(&*panic))));
        let Effects { changes, produce } = match folded {
            Ok(effects) => effects,
            Err(Failure::Reject { reason, error }) => {
                let Some((slot, offset)) = alone else { return Ending::TooMany };
                return Ending::Rejected(vec![(slot, offset, Verdict { reason, error })]);
            }
            Err(failure) => return Ending::Failed(failure),
        };
        // As late as it can be, so that a batch that is cut smaller buries nothing twice, and before the commit.
        for share in &cut.shares {
            if let Err(failure) = self.bury(share).await {
                return Ending::Failed(failure);
            }
        }
        let marks = cut.shares.iter().filter_map(mark).collect();
        match self.progress.commit(self.service, &Batch { marks, changes, produce }).await {
            Ok(()) => Ending::Judged(vec![Fate::Done; cut.shares.len()]),
            Err(ProgressError::Refused(error)) if !is_empty => {
                let verdict = Verdict { reason: "refused", error };
                Ending::Refused(alone.map(|(slot, offset)| (slot, offset, verdict)))
            }
            Err(ProgressError::Broken(error) | ProgressError::Refused(error)) => {
                Ending::Failed(Failure::halt("store_broken", error))
            }
            Err(ProgressError::Outdated) => self.ask(cut).await,
            Err(ProgressError::Unavailable(error)) => {
                observe::unconfirmed(self.service, cut.len(), &error);
                self.ask(cut).await
            }
        }
    }

    /// Reads what is not condemned; all that cannot be read is known at once.
    async fn read<'cut>(self: &Arc<Self>, cut: &'cut Cut) -> Result<Vec<(&'cut InRecord, H::Item)>, Ending> {
        let left = cut.shares.iter().flat_map(|share| {
            share.records.iter().filter(|record| !share.condemned.contains_key(&record.offset))
        });
        let left: Vec<&InRecord> = left.collect();
        let (mut items, mut rejected) = (Vec::with_capacity(left.len()), Vec::new());
        let decoded = self.decode_all(&left).await.map_err(Ending::Failed)?;
        for (record, decoded) in left.into_iter().zip(decoded) {
            match decoded {
                Ok(item) => items.push((record, *item)),
                Err(verdict) => rejected.push((record.slot.clone(), record.offset, verdict)),
            }
        }
        if rejected.is_empty() { Ok(items) } else { Err(Ending::Rejected(rejected)) }
    }

    /// Reads all, or stops where one cannot be read now. The store has nothing to do meanwhile, so its core is used, too.
    async fn decode_all(self: &Arc<Self>, records: &[&InRecord]) -> Result<Vec<Decoded<H>>, Failure> {
        if records.len() <= DECODED_TOGETHER {
            return self.decode(records.iter().copied()).await;
        }
        let parts = records.chunks(DECODED_TOGETHER).map(|part| {
            let part: Vec<InRecord> = part.iter().map(|record| (*record).clone()).collect();
            let works = Arc::clone(self);
            tokio::spawn(async move { works.decode(part.iter()).await })
        });
        let mut all = Vec::with_capacity(records.len());
        for part in parts.collect::<Vec<_>>() {
            // Handlers' panics are told as such; a task that is gone went with the process.
            all.extend(part.await.map_err(|gone| Failure::wait("decode", gone))??);
        }
        Ok(all)
    }

    async fn decode<'r>(
        &self,
        records: impl ExactSizeIterator<Item = &'r InRecord>,
    ) -> Result<Vec<Decoded<H>>, Failure> {
        let mut all = Vec::with_capacity(records.len());
        for record in records {
            let decoded = AssertUnwindSafe(self.handler.decode(record)).catch_unwind().await;
            match decoded.unwrap_or_else(|panic| Err(Failure::reject("panic", said(&*panic)))) {
                Ok(item) => all.push(Ok(Box::new(item))),
                Err(Failure::Reject { reason, error }) => all.push(Err(Verdict { reason, error })),
                Err(failure) => return Err(failure),
            }
        }
        Ok(all)
    }

    /// All of the share's dead letters that are not there yet, each acknowledged.
    async fn bury(&self, share: &Share) -> Result<(), Failure> {
        for record in share.records.iter().filter(|record| !share.buried.contains(&record.offset)) {
            let Some(verdict) = share.condemned.get(&record.offset) else { continue };
            let at = (self.clock)().to_string();
            let service = self.dead.service().unwrap_or(self.service);
            let giver = Giver { service, at: &at, partitions: self.dead.partitions() };
            let letter = compose(record, &giver, 1, verdict);
            let mut span = traces::letter(record, current(), &letter, verdict);
            let buried = self.dead.bury(letter).await;
            let buried = buried.inspect_err(|error| span.fail("unacknowledged", error));
            buried.map_err(|error| Failure::wait("dead_letter", error))?;
        }
        Ok(())
    }

    /// Whether it happened is for the store to say, however long that takes.
    async fn ask(&self, cut: &Cut) -> Ending {
        let slots: Vec<Slot> = cut.shares.iter().map(|share| share.slot.clone()).collect();
        loop {
            match self.progress.standings(self.service, &slots).await {
                Ok(standings) => {
                    return match judge(&cut.shares, &standings) {
                        Ok(fates) => Ending::Judged(fates),
                        Err(error) => Ending::Failed(Failure::halt("progress", error)),
                    };
                }
                Err(ProgressError::Broken(error)) => {
                    return Ending::Failed(Failure::halt("store_broken", error));
                }
                Err(_) => tokio::time::sleep(ASK_AGAIN).await,
            }
        }
    }
}

fn mark(share: &Share) -> Option<Mark> {
    let last = Last::of(share.records.last()?);
    let (slot, next) = (share.slot.clone(), last.offset + 1);
    Some(Mark { slot, epoch: share.epoch, from: share.from, next, last })
}
