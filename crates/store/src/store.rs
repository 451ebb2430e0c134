//! The one type that services are given, whichever home is behind it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boot::Clock;
use bus::Slot;
use jiff::Timestamp;
use outbox::{Depth, Effect, Parcel, Planned, Queue, QueueError, Row, Settlement, Take};
use uuid::Uuid;
use worker::{Batch, Brake, BrakeError, Brakes, ClaimError, Claims, Gap, Halted, Outgoing, Standing};

use crate::address::Address;
use crate::embedded::Embedded;
use crate::postgres::Postgres;
use crate::{Nonces, Registrations, State, StoreError, Time, observe};

/// What both homes do. The contracts of [`Queue`], [`Registrations`] and [`Nonces`] stand there.
#[async_trait]
pub(crate) trait Home: Queue + Registrations + Nonces {
    /// `embedded` or `postgres`.
    fn name(&self) -> &'static str;
    /// Inserts an effect that is finished with its claim; false when it is known.
    async fn claim(&self, effect: Effect) -> Result<bool, QueueError>;
    /// Answers when the home does.
    async fn ping(&self) -> Result<(), QueueError>;
    /// As [`Brakes::load`].
    async fn brake(&self, service: &str) -> Result<Brake, QueueError>;
    /// As [`Brakes::save`].
    async fn save_brake(&self, service: &str, brake: &Brake) -> Result<(), QueueError>;
    /// As [`Brakes::resume`].
    async fn resume(&self, service: &str) -> Result<Vec<(String, Halted)>, QueueError>;
    /// As [`Brakes::note_gaps`].
    async fn note_gaps(&self, service: &str, gaps: &[Gap]) -> Result<(), QueueError>;
    /// As [`Brakes::gaps`].
    async fn gaps(&self, service: &str, accepted: bool) -> Result<Vec<Gap>, QueueError>;
    /// As [`Brakes::accept_gaps`].
    async fn accept_gaps(&self, service: &str) -> Result<Vec<Gap>, QueueError>;
    /// As [`Brakes::spend_gaps`].
    async fn spend_gaps(&self, service: &str, slots: &[Slot]) -> Result<(), QueueError>;
    /// As [`worker::Progress::assign`].
    async fn assign(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, QueueError>;
    /// As [`worker::Progress::standings`].
    async fn standings(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, QueueError>;
    /// As [`worker::Progress::commit`]; false is `Outdated`.
    async fn commit(&self, service: &str, batch: &Batch<Vec<State>>) -> Result<bool, QueueError>;
    /// As [`worker::Progress::restart`]; false is `Outdated`.
    async fn restart(&self, service: &str, slot: &Slot, epoch: i64, from: i64) -> Result<bool, QueueError>;
    /// As [`Store::state`].
    async fn state(&self, service: &str, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, QueueError>;
    /// As [`worker::Progress::outgoing`].
    async fn outgoing(
        &self,
        service: &str,
        owner: &str,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Outgoing>, QueueError>;
    /// As [`worker::Progress::sent`].
    async fn sent(&self, service: &str, ids: &[i64]) -> Result<(), QueueError>;
}

/// State of all services: claims, planned parcels, leases.
///
/// Calls may come from any number of tasks at once; those that arrive together share a transaction, so many small
/// calls cost little more than one large one. What is answered `Ok` is durable.
pub struct Store {
    pub(crate) home: Box<dyn Home>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.home.name()).finish()
    }
}

impl Store {
    /// Opens `file:PATH` (relative to the working directory, folders are made) or `postgres://user@host/db`, and
    /// brings the tables up to date. A file is locked: a second opener gets [`StoreError::Held`]. It is given free
    /// when the last handle is dropped. Postgres on another machine is spoken to over TLS, verified against the
    /// machine's roots, unless the url says `sslmode=disable` or `sslmode=prefer`.
    pub async fn open(url: &str, clock: Clock) -> Result<Arc<Self>, StoreError> {
        Self::open_with(url, clock, Time::default()).await
    }

    /// As [`Store::open`], with a say in whose clock decides over leases: for tests that move time.
    #[doc(hidden)]
    pub async fn open_with(url: &str, clock: Clock, time: Time) -> Result<Arc<Self>, StoreError> {
        let home: Box<dyn Home> = match Address::parse(url)? {
            Address::File(path) => Box::new(Embedded::open(path, clock).await?),
            Address::Postgres(url) => Box::new(Postgres::open(&url, clock, time).await?),
        };
        Ok(Arc::new(Self { home }))
    }

    /// Answers when the store does; for readiness. Bounded in time.
    pub async fn ping(&self) -> Result<(), QueueError> {
        self.home.ping().await
    }

    /// What `service` keeps under each of `keys`, in their order.
    pub async fn state(&self, service: &str, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, QueueError> {
        self.note("state", self.home.state(service, keys).await)
    }

    pub(crate) fn note<T>(
        &self,
        call: &'static str,
        outcome: Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        observe::called(self.home.name(), call, outcome.as_ref().map(|_| ()));
        outcome
    }
}

#[async_trait]
impl Queue for Store {
    async fn plan(&self, parcels: Vec<Parcel>) -> Result<Planned, QueueError> {
        if parcels.is_empty() {
            return Ok(Planned::default());
        }
        self.note("plan", self.home.plan(parcels).await)
    }

    async fn known(&self, effects: Vec<Effect>) -> Result<Vec<bool>, QueueError> {
        self.note("known", self.home.known(effects).await)
    }

    async fn close(&self, effects: Vec<Effect>, reason: &str) -> Result<(), QueueError> {
        self.note("close", self.home.close(effects, reason).await)
    }

    async fn hold(
        &self,
        service: &str,
        owner: &str,
        targets: &[String],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<String>, QueueError> {
        self.note("hold", self.home.hold(service, owner, targets, until, now).await)
    }

    async fn release(&self, service: &str, owner: &str) -> Result<(), QueueError> {
        self.note("release", self.home.release(service, owner).await)
    }

    async fn take(&self, mut take: Take) -> Result<Vec<Row>, QueueError> {
        take.wants.retain(|want| want.limit > 0);
        if take.wants.is_empty() {
            return Ok(Vec::new());
        }
        self.note("take", self.home.take(take).await)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), QueueError> {
        if settlements.is_empty() {
            return Ok(());
        }
        self.note("settle", self.home.settle(settlements).await)
    }

    async fn next_due(
        &self,
        service: &str,
        targets: &[String],
    ) -> Result<Vec<(String, Timestamp)>, QueueError> {
        self.note("next_due", self.home.next_due(service, targets).await)
    }

    async fn depths(&self, service: &str) -> Result<Vec<Depth>, QueueError> {
        self.note("depths", self.home.depths(service).await)
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, QueueError> {
        let pruned = self.note("prune", self.home.prune(before).await)?;
        observe::pruned(self.home.name(), pruned);
        Ok(pruned)
    }
}

#[async_trait]
impl Claims for Store {
    async fn claim(
        &self,
        service: &str,
        event_id: Uuid,
        target: &str,
        replay_id: &str,
    ) -> Result<bool, ClaimError> {
        let effect = Effect {
            service: service.to_owned(),
            event_id,
            target: target.to_owned(),
            replay_id: replay_id.to_owned(),
        };
        let claimed = self.note("claim", self.home.claim(effect).await);
        claimed.map_err(|error| ClaimError(error.to_string()))
    }
}

#[async_trait]
impl Brakes for Store {
    async fn load(&self, service: &str) -> Result<Brake, BrakeError> {
        let loaded = self.note("load_brake", self.home.brake(service).await);
        loaded.map_err(|error| BrakeError(error.to_string()))
    }

    async fn save(&self, service: &str, brake: &Brake) -> Result<(), BrakeError> {
        let saved = self.note("save_brake", self.home.save_brake(service, brake).await);
        saved.map_err(|error| BrakeError(error.to_string()))
    }

    async fn resume(&self, service: &str) -> Result<Vec<(String, Halted)>, BrakeError> {
        let resumed = self.note("resume", self.home.resume(service).await);
        resumed.map_err(|error| BrakeError(error.to_string()))
    }

    async fn note_gaps(&self, service: &str, gaps: &[Gap]) -> Result<(), BrakeError> {
        let noted = self.note("note_gaps", self.home.note_gaps(service, gaps).await);
        noted.map_err(|error| BrakeError(error.to_string()))
    }

    async fn gaps(&self, service: &str, accepted: bool) -> Result<Vec<Gap>, BrakeError> {
        let gaps = self.note("gaps", self.home.gaps(service, accepted).await);
        gaps.map_err(|error| BrakeError(error.to_string()))
    }

    async fn accept_gaps(&self, service: &str) -> Result<Vec<Gap>, BrakeError> {
        let accepted = self.note("accept_gaps", self.home.accept_gaps(service).await);
        accepted.map_err(|error| BrakeError(error.to_string()))
    }

    async fn spend_gaps(&self, service: &str, slots: &[Slot]) -> Result<(), BrakeError> {
        let spent = self.note("spend_gaps", self.home.spend_gaps(service, slots).await);
        spent.map_err(|error| BrakeError(error.to_string()))
    }
}
