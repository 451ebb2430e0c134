//! Claim and rows in one statement, for many callers at once.

use std::collections::HashMap;

use async_trait::async_trait;
use outbox::{Effect, Parcel, Planned};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::Moments;
use super::coalesce::Batch;
use super::connect::{Connections, answered};
use super::failure::Failure;
use crate::packing;

/// Rows first, then the lanes of those that are new. Whoever empties a lane locks it before looking for a next row:
/// either it sees ours, or we wait for it here and make the lane anew. Lanes are locked in their order by everybody,
/// so nobody waits in a circle. Ids are given in the order of the input within a lane.
pub(super) const PLAN: &str = "WITH input AS (
        SELECT * FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[],
                $9::bytea[])
            WITH ORDINALITY AS i(service, event_id, target, replay_id, lane, received_at, body, record, n)
    ), moment AS MATERIALIZED (
        SELECT router_now($1) AS now
    ), fresh AS (
        INSERT INTO router_effects (service, event_id, target, replay_id, claimed_at)
        SELECT service, event_id, target, replay_id, (SELECT now FROM moment) FROM input ORDER BY lane, n
        ON CONFLICT DO NOTHING RETURNING id, service, event_id, target, replay_id
    ), rows AS MATERIALIZED (
        SELECT f.id, i.* FROM fresh f JOIN input i USING (event_id, target, service, replay_id)
    ), parcels AS (
        INSERT INTO router_parcels (id, service, target, lane, planned_at, received_at, body, record)
        SELECT id, service, target, lane, (SELECT now FROM moment), received_at, body, record FROM rows
    ), lanes AS (
        INSERT INTO router_lanes (service, target, lane, head_id, due_at, attempt)
        SELECT service, target, lane, min(id), (SELECT now FROM moment), 0 FROM rows
        GROUP BY service, target, lane ORDER BY service, target, lane
        ON CONFLICT (service, target, lane) DO UPDATE SET head_id = router_lanes.head_id
    )
    SELECT n FROM rows";

const CLAIM: &str =
    "INSERT INTO router_effects (service, event_id, target, replay_id, claimed_at, finished_at, reason)
    SELECT service, event_id, target, replay_id, now, now, reason
    FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[])
            AS i(service, event_id, target, replay_id, reason),
        (SELECT router_now($1) AS now) moment
    ORDER BY event_id, target, service, replay_id
    ON CONFLICT DO NOTHING RETURNING service, event_id, target, replay_id";

/// Of each effect by itself, so that no plan of a small table reads a large one.
const KNOWN: &str = "SELECT i.n FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[])
        WITH ORDINALITY AS i(service, event_id, target, replay_id, n)
    CROSS JOIN LATERAL (
        SELECT 1 FROM router_effects e WHERE e.event_id = i.event_id AND e.target = i.target
            AND e.service = i.service AND e.replay_id = i.replay_id LIMIT 1
    ) known";

pub(super) struct Plans {
    pub(super) connections: Connections,
    pub(super) moments: Moments,
}

/// The columns of many parcels, each an array.
#[derive(Default)]
pub(super) struct Columns {
    services: Vec<String>,
    event_ids: Vec<Uuid>,
    targets: Vec<String>,
    replay_ids: Vec<String>,
    lanes: Vec<String>,
    received_at: Vec<i64>,
    bodies: Vec<String>,
    records: Vec<Vec<u8>>,
    /// Which call each row came with.
    calls: Vec<usize>,
}

impl Columns {
    /// The first parcel of each effect; a second one of the same batch is known already.
    pub(super) fn of(asks: &[Vec<Parcel>]) -> Result<Self, Failure> {
        let mut columns = Self::default();
        let mut seen: HashMap<&Effect, ()> = HashMap::new();
        for (call, parcel) in
            asks.iter().enumerate().flat_map(|(n, parcels)| parcels.iter().map(move |p| (n, p)))
        {
            if seen.insert(&parcel.effect, ()).is_some() {
                continue;
            }
            let packed = packing::pack(parcel)?;
            let Effect { service, event_id, target, replay_id } = &parcel.effect;
            columns.services.push(packing::text(service).into_owned());
            columns.event_ids.push(*event_id);
            columns.targets.push(packing::text(target).into_owned());
            columns.replay_ids.push(packing::text(replay_id).into_owned());
            columns.lanes.push(packed.lane);
            columns.received_at.push(packed.received_at);
            columns.bodies.push(packed.body);
            columns.records.push(packed.record);
            columns.calls.push(call);
        }
        Ok(columns)
    }

    /// As [`PLAN`] takes them.
    pub(super) fn params<'a>(&'a self, now: &'a Option<i64>) -> [&'a (dyn ToSql + Sync); 9] {
        let Self { services, event_ids, targets, replay_ids, lanes, received_at, bodies, records, .. } = self;
        [now, services, event_ids, targets, replay_ids, lanes, received_at, bodies, records]
    }
}

#[async_trait]
impl Batch for Plans {
    type Ask = Vec<Parcel>;
    type Answer = Planned;

    fn rows(ask: &Self::Ask) -> usize {
        ask.len()
    }

    fn bytes(ask: &Self::Ask) -> usize {
        ask.iter().map(Parcel::size).sum()
    }

    async fn run(&self, asks: &[Self::Ask]) -> Result<Vec<Planned>, Failure> {
        let columns = Columns::of(asks)?;
        let now = self.moments.given(self.moments.now());
        let client = self.connections.get().await?;
        let inserted = answered(client, async |client| {
            let plan = client.prepare_cached(PLAN).await?;
            Ok(client.query(&plan, &columns.params(&now)).await?)
        })
        .await?;
        let mut planned: Vec<Planned> =
            asks.iter().map(|parcels| Planned { new: 0, known: parcels.len() }).collect();
        for row in inserted {
            let n: i64 = row.try_get(0)?;
            let call = usize::try_from(n - 1).ok().and_then(|n| columns.calls.get(n));
            if let Some(planned) = call.and_then(|call| planned.get_mut(*call)) {
                planned.new += 1;
                planned.known -= 1;
            }
        }
        Ok(planned)
    }
}

pub(super) struct Claims {
    pub(super) connections: Connections,
    pub(super) moments: Moments,
}

/// As Postgres keeps it.
fn kept(effect: &Effect) -> Effect {
    let Effect { service, event_id, target, replay_id } = effect;
    let [service, target, replay_id] =
        [service, target, replay_id].map(|words| packing::text(words).into_owned());
    Effect { service, event_id: *event_id, target, replay_id }
}

/// The columns that say which effects.
struct Keys(Vec<String>, Vec<Uuid>, Vec<String>, Vec<String>);

impl Keys {
    fn of<'a>(effects: impl Iterator<Item = &'a Effect>) -> Self {
        let mut keys = Self(Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for Effect { service, event_id, target, replay_id } in effects.map(kept) {
            keys.0.push(service);
            keys.1.push(event_id);
            keys.2.push(target);
            keys.3.push(replay_id);
        }
        keys
    }
}

/// Which effects are claimed.
pub(super) async fn known(connections: &Connections, effects: &[Effect]) -> Result<Vec<bool>, Failure> {
    let Keys(services, event_ids, targets, replay_ids) = Keys::of(effects.iter());
    let client = connections.get().await?;
    let found = answered(client, async |client| {
        let known = client.prepare_cached(KNOWN).await?;
        Ok(client.query(&known, &[&services, &event_ids, &targets, &replay_ids]).await?)
    })
    .await?;
    let mut known = vec![false; effects.len()];
    for row in found {
        let n: i64 = row.try_get(0)?;
        if let Some(known) = usize::try_from(n - 1).ok().and_then(|n| known.get_mut(n)) {
            *known = true;
        }
    }
    Ok(known)
}

/// An effect that gets no row, and why if it is given up.
pub(super) struct Claim {
    pub(super) effect: Effect,
    pub(super) reason: Option<String>,
}

#[async_trait]
impl Batch for Claims {
    type Ask = Claim;
    type Answer = bool;

    fn rows(_: &Claim) -> usize {
        1
    }

    async fn run(&self, asks: &[Claim]) -> Result<Vec<bool>, Failure> {
        let now = self.moments.given(self.moments.now());
        let Keys(services, event_ids, targets, replay_ids) = Keys::of(asks.iter().map(|ask| &ask.effect));
        let reasons: Vec<Option<&str>> = asks.iter().map(|ask| ask.reason.as_deref()).collect();
        let client = self.connections.get().await?;
        let inserted = answered(client, async |client| {
            let claim = client.prepare_cached(CLAIM).await?;
            Ok(client.query(&claim, &[&now, &services, &event_ids, &targets, &replay_ids, &reasons]).await?)
        })
        .await?;
        let mut fresh: HashMap<Effect, ()> = HashMap::new();
        for row in inserted {
            let effect = Effect {
                service: row.try_get(0)?,
                event_id: row.try_get(1)?,
                target: row.try_get(2)?,
                replay_id: row.try_get(3)?,
            };
            fresh.insert(effect, ());
        }
        // Of callers that asked for the same effect together, the first has it.
        Ok(asks.iter().map(|ask| fresh.remove(&kept(&ask.effect)).is_some()).collect())
    }
}
