//! Leasing the heads of lanes.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use outbox::{Effect, QueueError, Row, Take};

use super::connect::{Connections, answered};
use super::failure::Failure;
use super::{Moments, NAME};
use crate::{observe, packing, time};

/// One statement: a member that is stopped in the middle of anything holds no lock.
const LEASE: &str = "WITH moment AS MATERIALIZED (
        SELECT router_now($1) AS now
    ), due AS (
        SELECT l.* FROM unnest($4::text[], $5::bigint[]) AS w(target, most) CROSS JOIN LATERAL (
            SELECT service, target, lane, due_at, owner IS NOT NULL AS ambiguous FROM router_lanes
            WHERE service = $2 AND target = w.target AND due_at <= (SELECT now FROM moment)
            ORDER BY due_at, head_id LIMIT w.most FOR UPDATE SKIP LOCKED
        ) l
    )
    UPDATE router_lanes l
    SET owner = $3, attempt = l.attempt + 1, due_at = (SELECT now FROM moment) + $6
    FROM due WHERE l.service = due.service AND l.target = due.target AND l.lane = due.lane
    RETURNING l.head_id, l.attempt, due.ambiguous, due.due_at";

/// Asked only after the lease is there: a row may be younger than the snapshot that leased its lane.
const PARCELS: &str =
    "SELECT p.id, p.service, e.event_id, p.target, e.replay_id, p.received_at, p.body, p.record
    FROM router_parcels p JOIN router_effects e ON e.id = p.id WHERE p.id = ANY($1::bigint[])";

const NEXT_DUE: &str =
    "SELECT w.target, l.due_at - router_now($1) FROM unnest($3::text[]) AS w(target) CROSS JOIN LATERAL (
        SELECT due_at FROM router_lanes WHERE service = $2 AND target = w.target ORDER BY due_at LIMIT 1
    ) l";

/// A lane that was leased.
struct Leased {
    id: i64,
    attempt: u32,
    ambiguous: bool,
    due_at: i64,
}

pub(super) async fn take(
    connections: &Connections,
    moments: &Moments,
    take: Take,
) -> Result<Vec<Row>, QueueError> {
    let now = moments.given(take.now);
    let lease = time::distance(take.lease_until, take.now);
    let targets: Vec<&str> = take.wants.iter().map(|want| want.target.as_str()).collect();
    let limits: Vec<i64> =
        take.wants.iter().map(|want| i64::try_from(want.limit).unwrap_or(i64::MAX)).collect();
    let client = connections.get().await?;
    let (leased, rows) = answered(client, async |client| {
        let (statement, parcels) =
            (client.prepare_cached(LEASE).await?, client.prepare_cached(PARCELS).await?);
        let found =
            client.query(&statement, &[&now, &take.service, &take.owner, &targets, &limits, &lease]).await?;
        let leased = found.iter().map(read_lease).collect::<Result<Vec<_>, Failure>>()?;
        if leased.is_empty() {
            return Ok((leased, Vec::new()));
        }
        let ids: Vec<i64> = leased.iter().map(|lease| lease.id).collect();
        Ok((leased, client.query(&parcels, &[&ids]).await?))
    })
    .await?;
    if !leased.is_empty() {
        observe::committed(NAME);
    }
    join(leased, &rows)
}

fn read_lease(row: &tokio_postgres::Row) -> Result<Leased, Failure> {
    let attempt: i64 = row.try_get(1)?;
    Ok(Leased {
        id: row.try_get(0)?,
        attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
        ambiguous: row.try_get(2)?,
        due_at: row.try_get(3)?,
    })
}

/// Leases and their parcels, oldest first.
fn join(mut leased: Vec<Leased>, rows: &[tokio_postgres::Row]) -> Result<Vec<Row>, QueueError> {
    let mut parcels = HashMap::with_capacity(rows.len());
    for row in rows {
        let id: i64 = row.try_get(0).map_err(Failure::from)?;
        parcels.insert(id, read_parcel(row)??);
    }
    leased.sort_by_key(|lease| (lease.due_at, lease.id));
    let row = |Leased { id, attempt, ambiguous, .. }| {
        parcels.remove(&id).map(|parcel| Row { id, attempt, parcel, ambiguous })
    };
    Ok(leased.into_iter().filter_map(row).collect())
}

fn read_parcel(row: &tokio_postgres::Row) -> Result<Result<outbox::Parcel, QueueError>, Failure> {
    let effect = Effect {
        service: row.try_get(1)?,
        event_id: row.try_get(2)?,
        target: row.try_get(3)?,
        replay_id: row.try_get(4)?,
    };
    Ok(packing::unpack(effect, row.try_get(5)?, row.try_get(6)?, row.try_get(7)?))
}

pub(super) async fn next_due(
    connections: &Connections,
    moments: &Moments,
    service: &str,
    targets: &[String],
) -> Result<Vec<(String, Timestamp)>, QueueError> {
    let now = moments.now();
    let client = connections.get().await?;
    let rows = answered(client, async |client| {
        let statement = client.prepare_cached(NEXT_DUE).await?;
        Ok(client.query(&statement, &[&moments.given(now), &service, &targets]).await?)
    })
    .await?;
    let read = |row: &tokio_postgres::Row| -> Result<(String, Timestamp), Failure> {
        let wait = SignedDuration::from_micros(row.try_get(1)?);
        Ok((row.try_get(0)?, now.saturating_add(wait).unwrap_or(Timestamp::MAX)))
    };
    rows.iter().map(|row| read(row).map_err(QueueError::from)).collect()
}
