//! The Postgres home: one database shared by all members of all services.

mod brakes;
mod coalesce;
mod connect;
mod failure;
mod gaps;
mod holds;
mod lanes;
mod look;
mod nonces;
mod plan;
mod progress;
mod registrations;
mod schema;
mod settle;
#[cfg(test)]
mod tests;
mod tls;
mod trial;
mod upkeep;

use std::time::Duration;

use async_trait::async_trait;
use boot::Clock;
use bus::Slot;
use futures::future::try_join_all;
use jiff::Timestamp;
use outbox::{Depth, Effect, Parcel, Planned, Queue, QueueError, Row, Settlement, Take};
use worker::{Batch, Brake, Gap, Halted, Outgoing, Standing};

use crate::store::Home;
use crate::{State, StoreError, Time, observe, packing, time};
pub(crate) use look::look;
pub(crate) use trial::PostgresTrial;

pub use connect::{Connections, Terms};
pub use failure::{Failure, Unreadable};
pub use progress::{slot_columns, standing};

use coalesce::Coalescer;

/// The name of this home in metrics.
const NAME: &str = "postgres";
/// Bytes of one caller's parcels that go into one statement, so that a large event for many targets is no larger
/// statement. Each parcel is a claim of its own, so they need not be planned together.
const PLAN_SLICE: usize = 2 << 20;
/// Rows that one statement of [`Queue::prune`] forgets, so that its locks are short.
const PRUNE_SLICE: i64 = 1_000;

/// A pool of connections, and a task each for what is gathered into common statements.
pub(crate) struct Postgres {
    connections: Connections,
    moments: Moments,
    plans: Coalescer<Vec<Parcel>, Planned>,
    settlements: Coalescer<Vec<Settlement>, usize>,
    claims: Coalescer<plan::Claim, bool>,
}

/// How callers' times become the deciding clock's. See [`Time`].
#[derive(Clone)]
pub(super) struct Moments {
    clock: Clock,
    time: Time,
}

impl Moments {
    /// The caller's now.
    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The deciding clock's now in microseconds, or nothing where the database is to read its own.
    fn given(&self, now: Timestamp) -> Option<i64> {
        (self.time == Time::Caller).then(|| time::micros(now))
    }
}

impl Postgres {
    /// Connects and brings the tables up to date.
    pub(crate) async fn open(url: &str, clock: Clock, time: Time) -> Result<Self, StoreError> {
        Self::over(Connections::new(url)?, clock, time).await
    }

    async fn over(connections: Connections, clock: Clock, time: Time) -> Result<Self, StoreError> {
        schema::migrate(&connections).await?;
        let moments = Moments { clock, time };
        Ok(Self {
            plans: Coalescer::new(plan::Plans { connections: connections.clone(), moments: moments.clone() }),
            settlements: Coalescer::new(settle::Settlements {
                connections: connections.clone(),
                moments: moments.clone(),
            }),
            claims: Coalescer::new(plan::Claims {
                connections: connections.clone(),
                moments: moments.clone(),
            }),
            connections,
            moments,
        })
    }
}

#[async_trait]
impl Home for Postgres {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn claim(&self, effect: Effect) -> Result<bool, QueueError> {
        self.claims.ask(plan::Claim { effect, reason: None }).await
    }

    async fn ping(&self) -> Result<(), QueueError> {
        upkeep::ping(&self.connections).await
    }

    async fn brake(&self, service: &str) -> Result<Brake, QueueError> {
        brakes::load(&self.connections, service).await
    }

    async fn save_brake(&self, service: &str, brake: &Brake) -> Result<(), QueueError> {
        brakes::save(&self.connections, service, brake).await
    }

    async fn resume(&self, service: &str) -> Result<Vec<(String, Halted)>, QueueError> {
        brakes::resume(&self.connections, service).await
    }

    async fn note_gaps(&self, service: &str, gaps: &[Gap]) -> Result<(), QueueError> {
        gaps::note(&self.connections, service, gaps).await
    }

    async fn gaps(&self, service: &str, accepted: bool) -> Result<Vec<Gap>, QueueError> {
        gaps::load(&self.connections, service, accepted).await
    }

    async fn accept_gaps(&self, service: &str) -> Result<Vec<Gap>, QueueError> {
        gaps::accept(&self.connections, service).await
    }

    async fn spend_gaps(&self, service: &str, slots: &[Slot]) -> Result<(), QueueError> {
        gaps::spend(&self.connections, service, slots).await
    }

    async fn restart(&self, service: &str, slot: &Slot, epoch: i64, from: i64) -> Result<bool, QueueError> {
        progress::restart(&self.connections, service, slot, (epoch, from)).await
    }

    async fn assign(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, QueueError> {
        progress::assign(&self.connections, service, slots).await
    }

    async fn standings(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, QueueError> {
        progress::standings(&self.connections, service, slots).await
    }

    async fn commit(&self, service: &str, batch: &Batch<Vec<State>>) -> Result<bool, QueueError> {
        progress::commit(&self.connections, service, batch).await
    }

    async fn state(&self, service: &str, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, QueueError> {
        progress::state(&self.connections, service, keys).await
    }

    async fn outgoing(
        &self,
        service: &str,
        owner: &str,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Outgoing>, QueueError> {
        let now = self.moments.given(self.moments.now());
        let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        let relay = progress::Relay { service, owner, now, lease, limit };
        progress::outgoing(&self.connections, &relay).await
    }

    async fn sent(&self, service: &str, ids: &[i64]) -> Result<(), QueueError> {
        progress::sent(&self.connections, service, ids).await
    }
}

#[async_trait]
impl Queue for Postgres {
    async fn plan(&self, parcels: Vec<Parcel>) -> Result<Planned, QueueError> {
        let mut planned = Planned::default();
        for slice in packing::slices(parcels, PLAN_SLICE) {
            let Planned { new, known } = self.plans.ask(slice).await?;
            planned.new += new;
            planned.known += known;
        }
        Ok(planned)
    }

    async fn known(&self, effects: Vec<Effect>) -> Result<Vec<bool>, QueueError> {
        Ok(plan::known(&self.connections, &effects).await?)
    }

    async fn close(&self, effects: Vec<Effect>, reason: &str) -> Result<(), QueueError> {
        let reason = Some(packing::remark(reason));
        let claims = effects.into_iter().map(|effect| plan::Claim { effect, reason: reason.clone() });
        try_join_all(claims.map(|claim| self.claims.ask(claim))).await.map(drop)
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
            service,
            owner,
            targets: targets.iter().map(String::as_str).collect(),
            lease: time::distance(until, now),
            now: self.moments.given(now),
        };
        holds::hold(&self.connections, &ask).await
    }

    async fn release(&self, service: &str, owner: &str) -> Result<(), QueueError> {
        holds::release(&self.connections, service, owner).await
    }

    async fn take(&self, take: Take) -> Result<Vec<Row>, QueueError> {
        lanes::take(&self.connections, &self.moments, take).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), QueueError> {
        let refused = self.settlements.ask(settlements).await?;
        observe::settlements_refused(NAME, refused);
        Ok(())
    }

    async fn next_due(
        &self,
        service: &str,
        targets: &[String],
    ) -> Result<Vec<(String, Timestamp)>, QueueError> {
        lanes::next_due(&self.connections, &self.moments, service, targets).await
    }

    async fn depths(&self, service: &str) -> Result<Vec<Depth>, QueueError> {
        upkeep::depths(&self.connections, service).await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, QueueError> {
        let mut pruned = 0;
        loop {
            let slice = upkeep::prune(&self.connections, time::micros(before), PRUNE_SLICE).await?;
            pruned += slice;
            if slice < PRUNE_SLICE as u64 {
                return Ok(pruned);
            }
        }
    }
}
