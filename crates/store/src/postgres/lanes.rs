//! Leasing the heads of lanes.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use outbox::{Effect, Parcel, QueueError, Row, Take};
use tokio_postgres::types::ToSql;

use super::connect::{Connections, answered};
use super::failure::Failure;
use super::{Moments, NAME};
use crate::{observe, packing, time};

/// Tells [`PARCELS`] what it has leased: both are sent in one go, so that no lock waits for our next word, and what
/// cannot be answered is not leased.
const LEASE: &str = "WITH moment AS MATERIALIZED (
        SELECT router_now($1) AS now
    ), due AS (
        SELECT l.* FROM unnest($4::text[], $5::bigint[]) AS w(target, most) CROSS JOIN LATERAL (
            SELECT service, target, lane, due_at, owner IS NOT NULL AS ambiguous FROM router_lanes
            WHERE service = $2 AND target = w.target AND due_at <= (SELECT now FROM moment)
            ORDER BY due_at, head_id LIMIT w.most FOR UPDATE SKIP LOCKED
        ) l
    ), leased AS (
        UPDATE router_lanes l
        SET owner = $3, attempt = l.attempt + 1, due_at = (SELECT now FROM moment) + $6
        FROM due WHERE l.service = due.service AND l.target = due.target AND l.lane = due.lane
        RETURNING l.head_id, l.attempt, due.ambiguous, due.due_at
    ), told AS MATERIALIZED (
        SELECT set_config('okr_router.leased', array_agg(head_id)::text, true) AS ids FROM leased
    )
    SELECT l.* FROM leased l, told WHERE told.ids IS NOT NULL";

/// A statement of its own: a row may be younger than the snapshot that leased its lane. Where nothing was leased, it
/// may have been told nothing, or what the last transaction left: an empty text.
const PARCELS: &str =
    "SELECT p.id, p.service, e.event_id, p.target, e.replay_id, p.received_at, p.body, p.record
    FROM router_parcels p JOIN router_effects e ON e.id = p.id
    WHERE p.id = ANY(nullif(current_setting('okr_router.leased', true), '')::bigint[])";

/// What could not be read was not tried. It stays in doubt if it was.
const PASS: &str = "UPDATE router_lanes l
    SET attempt = l.attempt - 1, owner = CASE WHEN $4 THEN l.owner END
    FROM router_parcels p WHERE p.id = $1 AND l.service = p.service AND l.target = p.target AND l.lane = p.lane
        AND l.head_id = p.id AND l.owner = $2 AND l.attempt = $3";

const NEXT_DUE: &str =
    "SELECT w.target, l.due_at - router_now($1) FROM unnest($3::text[]) AS w(target) CROSS JOIN LATERAL (
        SELECT due_at FROM router_lanes WHERE service = $2 AND target = w.target ORDER BY due_at LIMIT 1
    ) l";

/// A lane that was leased.
#[derive(Clone, Copy)]
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
    let (mut leased, parcels) = answered(client, async |client| {
        let (lease_them, parcels) =
            (client.prepare_cached(LEASE).await?, client.prepare_cached(PARCELS).await?);
        let params: [&(dyn ToSql + Sync); 6] = [&now, &take.service, &take.owner, &targets, &limits, &lease];
        let client: &tokio_postgres::Client = client;
        let (begun, leased, parcels, committed) = futures::join!(
            client.batch_execute("BEGIN"),
            client.query(&lease_them, &params),
            client.query(&parcels, &[]),
            client.batch_execute("COMMIT"),
        );
        begun?;
        let (leased, parcels) = (leased?, parcels?);
        committed?;
        Ok((leased.iter().map(read_lease).collect::<Result<Vec<_>, _>>()?, parcels))
    })
    .await?;
    if leased.is_empty() {
        return Ok(Vec::new());
    }
    observe::committed(NAME);
    leased.sort_by_key(|lease| (lease.due_at, lease.id));
    let parcels = by_id(&parcels)?;
    let (mut taken, mut unreadable) = (Vec::with_capacity(leased.len()), Vec::new());
    for lease in leased {
        let Leased { id, attempt, ambiguous, .. } = lease;
        let parcel = parcels.get(&id).ok_or_else(|| QueueError::Broken("it is not there".to_owned()));
        match parcel.and_then(|row| read_parcel(row)) {
            Ok(parcel) => taken.push(Row { id, attempt, parcel, ambiguous }),
            Err(cause) => {
                observe::unreadable(NAME, id, &cause);
                unreadable.push(lease);
            }
        }
    }
    for lease in unreadable {
        if let Err(error) = pass(connections, &take.owner, lease).await {
            // Their leases end all the same, with an attempt counted that was none; the others wait no longer.
            tracing::warn!(id = lease.id, error = %error, "unreadable rows were not given back: {error}");
            break;
        }
    }
    Ok(taken)
}

/// Gives back what could not be read: it is due again when its lease would end.
async fn pass(connections: &Connections, owner: &str, lease: Leased) -> Result<(), QueueError> {
    let Leased { id, attempt, ambiguous, .. } = lease;
    let client = connections.get().await?;
    answered(client, async |client| {
        let pass = client.prepare_cached(PASS).await?;
        Ok(client.execute(&pass, &[&id, &owner, &i64::from(attempt), &ambiguous]).await?)
    })
    .await?;
    Ok(())
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

fn by_id(rows: &[tokio_postgres::Row]) -> Result<HashMap<i64, &tokio_postgres::Row>, Failure> {
    rows.iter().map(|row| Ok((row.try_get(0)?, row))).collect()
}

fn read_parcel(row: &tokio_postgres::Row) -> Result<Parcel, QueueError> {
    let read = || -> Result<_, Failure> {
        let effect = Effect {
            service: row.try_get(1)?,
            event_id: row.try_get(2)?,
            target: row.try_get(3)?,
            replay_id: row.try_get(4)?,
        };
        Ok((effect, row.try_get(5)?, row.try_get(6)?, row.try_get(7)?))
    };
    let (effect, received_at, body, record) = read()?;
    packing::unpack(effect, received_at, body, record)
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
