//! The embedded home: one SQLite file, owned by one thread of one process.

mod brakes;
mod desk;
mod failure;
mod gaps;
mod holds;
mod lanes;
mod lock;
mod nonces;
mod owner;
mod plan;
mod progress;
mod registrations;
mod schema;
mod session;
#[cfg(test)]
mod tests;
mod trial;
mod upkeep;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use boot::Clock;
use bus::Slot;
use jiff::Timestamp;
use outbox::{Depth, Effect, Parcel, Planned, Queue, QueueError, Row, Settlement, Take};
use worker::{Batch, Brake, Gap, Halted, Outgoing, Standing};

use crate::store::Home;
use crate::{State, StoreError, observe, packing, time};
pub(crate) use lock::holder;
pub(crate) use trial::EmbeddedTrial;

pub use owner::Owner;
pub use session::Session;

use owner::gone;

/// The name of this home in metrics.
const NAME: &str = "embedded";
/// Rows that one transaction of [`Queue::prune`] forgets, so that deliveries go on between two of them.
const PRUNE_SLICE: i64 = 1_000;

/// A handle on the thread that owns the file.
pub(crate) struct Embedded {
    owner: Owner,
    clock: Clock,
}

impl Embedded {
    /// Makes the folders, takes the lock, brings the tables up to date.
    pub(crate) async fn open(path: PathBuf, clock: Clock) -> Result<Self, StoreError> {
        let now = time::micros(clock());
        let prepare = move |session: &mut Session| -> Result<(), StoreError> {
            schema::migrate(session)?;
            Ok(upkeep::inherit(session, now)?)
        };
        Ok(Self { owner: Owner::open("store", path, prepare).await?, clock })
    }

    /// Runs `work` on the thread, in a transaction shared with its neighbours, and answers after the commit.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        self.owner.call(work).await
    }

    fn now(&self) -> i64 {
        time::micros((self.clock)())
    }
}

#[async_trait]
impl Home for Embedded {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn claim(&self, effect: Effect) -> Result<bool, QueueError> {
        let now = self.now();
        self.call(move |session| plan::claim(session, &effect, now)).await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        self.call(upkeep::ping).await
    }

    async fn brake(&self, service: &str) -> Result<Brake, QueueError> {
        let service = service.to_owned();
        self.call(move |session| brakes::load(session, &service)).await
    }

    async fn save_brake(&self, service: &str, brake: &Brake) -> Result<(), QueueError> {
        let (service, brake) = (service.to_owned(), brake.clone());
        self.call(move |session| brakes::save(session, &service, &brake)).await
    }

    async fn resume(&self, service: &str) -> Result<Vec<(String, Halted)>, QueueError> {
        let service = service.to_owned();
        self.call(move |session| brakes::resume(session, &service)).await
    }

    async fn note_gaps(&self, service: &str, gaps: &[Gap]) -> Result<(), QueueError> {
        let (service, gaps) = (service.to_owned(), gaps.to_vec());
        self.call(move |session| gaps::note(session, &service, &gaps)).await
    }

    async fn gaps(&self, service: &str, accepted: bool) -> Result<Vec<Gap>, QueueError> {
        let service = service.to_owned();
        self.call(move |session| gaps::load(session, &service, accepted)).await
    }

    async fn accept_gaps(&self, service: &str) -> Result<Vec<Gap>, QueueError> {
        let service = service.to_owned();
        self.call(move |session| gaps::accept(session, &service)).await
    }

    async fn spend_gaps(&self, service: &str, slots: &[Slot]) -> Result<(), QueueError> {
        let (service, slots) = (service.to_owned(), slots.to_vec());
        self.call(move |session| gaps::spend(session, &service, &slots)).await
    }

    async fn restart(&self, service: &str, slot: &Slot, epoch: i64, from: i64) -> Result<bool, QueueError> {
        let (service, slot) = (service.to_owned(), slot.clone());
        self.call(move |session| progress::restart(session, &service, &slot, (epoch, from))).await
    }

    async fn assign(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, QueueError> {
        let (service, slots) = (service.to_owned(), slots.to_vec());
        self.call(move |session| progress::assign(session, &service, &slots)).await
    }

    async fn standings(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, QueueError> {
        let (service, slots) = (service.to_owned(), slots.to_vec());
        self.call(move |session| progress::standings(session, &service, &slots)).await
    }

    async fn commit(&self, service: &str, batch: &Batch<Vec<State>>) -> Result<bool, QueueError> {
        let (service, batch) = (service.to_owned(), batch.clone());
        self.call(move |session| progress::commit(session, &service, &batch)).await
    }

    async fn state(&self, service: &str, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, QueueError> {
        let (service, keys) = (service.to_owned(), keys.to_vec());
        self.call(move |session| progress::state(session, &service, &keys)).await
    }

    async fn outgoing(
        &self,
        service: &str,
        owner: &str,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Outgoing>, QueueError> {
        let now = self.now();
        let until = now.saturating_add(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX));
        let relay =
            progress::Relay { service: service.to_owned(), owner: owner.to_owned(), now, until, limit };
        self.call(move |session| progress::outgoing(session, &relay)).await
    }

    async fn sent(&self, service: &str, ids: &[i64]) -> Result<(), QueueError> {
        let (service, ids) = (service.to_owned(), ids.to_vec());
        self.call(move |session| progress::sent(session, &service, &ids)).await
    }
}

#[async_trait]
impl Queue for Embedded {
    async fn plan(&self, parcels: Vec<Parcel>) -> Result<Planned, QueueError> {
        let now = self.now();
        self.call(move |session| plan::plan(session, &parcels, now)).await
    }

    async fn known(&self, effects: Vec<Effect>) -> Result<Vec<bool>, QueueError> {
        self.call(move |session| plan::known(session, &effects)).await
    }

    async fn close(&self, effects: Vec<Effect>, reason: &str) -> Result<(), QueueError> {
        let (now, reason) = (self.now(), packing::remark(reason));
        self.call(move |session| plan::close(session, &effects, &reason, now)).await
    }

    async fn hold(
        &self,
        service: &str,
        owner: &str,
        targets: &[String],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<String>, QueueError> {
        let ask = holds::Ask {
            service: service.to_owned(),
            owner: owner.to_owned(),
            targets: targets.iter().cloned().collect(),
            until: time::micros(until),
            now: time::micros(now),
        };
        self.call(move |session| holds::hold(session, &ask)).await
    }

    async fn release(&self, service: &str, owner: &str) -> Result<(), QueueError> {
        let (service, owner) = (service.to_owned(), owner.to_owned());
        self.call(move |session| holds::release(session, &service, &owner)).await
    }

    async fn take(&self, take: Take) -> Result<Vec<Row>, QueueError> {
        self.call(move |session| lanes::take(session, &take)).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), QueueError> {
        let now = self.now();
        let refused = self.call(move |session| lanes::settle(session, &settlements, now)).await?;
        observe::settlements_refused(NAME, refused);
        Ok(())
    }

    async fn next_due(
        &self,
        service: &str,
        targets: &[String],
    ) -> Result<Vec<(String, Timestamp)>, QueueError> {
        let (service, targets) = (service.to_owned(), targets.to_vec());
        self.call(move |session| lanes::next_due(session, &service, targets)).await
    }

    async fn depths(&self, service: &str) -> Result<Vec<Depth>, QueueError> {
        let service = service.to_owned();
        self.call(move |session| upkeep::depths(session, &service)).await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, QueueError> {
        let before = time::micros(before);
        let mut pruned = 0;
        loop {
            let slice = self.call(move |session| upkeep::prune(session, before, PRUNE_SLICE)).await?;
            pruned += slice;
            if slice < PRUNE_SLICE as u64 {
                return Ok(pruned);
            }
        }
    }
}
