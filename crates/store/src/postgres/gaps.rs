//! Gaps of state services.

use bus::Slot;
use outbox::QueueError;
use tokio_postgres::Row;
use worker::Gap;

use super::connect::{Connections, answered};
use super::failure::Failure;

const NOTE: &str =
    "INSERT INTO router_gaps AS known (service, topic, partition, from_offset, found_offset, why)
    SELECT $1, topic, partition, from_offset, found_offset, why
    FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[])
        AS s(topic, partition, from_offset, found_offset, why)
    ORDER BY topic, partition
    ON CONFLICT (service, topic, partition) DO UPDATE SET from_offset = excluded.from_offset,
        found_offset = excluded.found_offset, why = excluded.why,
        accepted = known.accepted AND known.from_offset = excluded.from_offset";

const LOAD: &str = "SELECT topic, partition, from_offset, found_offset, why FROM router_gaps
    WHERE service = $1 AND accepted = $2 ORDER BY topic, partition";

const ACCEPT: &str = "UPDATE router_gaps SET accepted = true WHERE service = $1 AND NOT accepted
    RETURNING topic, partition, from_offset, found_offset, why";

const SPEND: &str = "DELETE FROM router_gaps g USING unnest($2::text[], $3::integer[]) AS s(topic, partition)
    WHERE g.service = $1 AND g.topic = s.topic AND g.partition = s.partition AND g.accepted";

/// Those that nobody has accepted are forgotten with a halt: what is still missing is found anew.
pub(super) const FORGET: &str = "DELETE FROM router_gaps WHERE service = $1 AND NOT accepted";

fn gap(row: &Row) -> Result<Gap, Failure> {
    let slot = Slot::new(row.try_get::<_, &str>(0)?, row.try_get(1)?);
    Ok(Gap { slot, from: row.try_get(2)?, found: row.try_get(3)?, why: row.try_get(4)? })
}

pub(super) async fn note(connections: &Connections, service: &str, gaps: &[Gap]) -> Result<(), QueueError> {
    let topics: Vec<&str> = gaps.iter().map(|gap| &*gap.slot.topic).collect();
    let partitions: Vec<i32> = gaps.iter().map(|gap| gap.slot.partition).collect();
    let from: Vec<i64> = gaps.iter().map(|gap| gap.from).collect();
    let found: Vec<i64> = gaps.iter().map(|gap| gap.found).collect();
    let whys: Vec<&str> = gaps.iter().map(|gap| gap.why.as_str()).collect();
    let client = connections.get().await?;
    answered(client, async |client| {
        let note = client.prepare_cached(NOTE).await?;
        Ok(client.execute(&note, &[&service, &topics, &partitions, &from, &found, &whys]).await?)
    })
    .await?;
    Ok(())
}

pub(super) async fn load(
    connections: &Connections,
    service: &str,
    accepted: bool,
) -> Result<Vec<Gap>, QueueError> {
    let client = connections.get().await?;
    let gaps = answered(client, async |client| {
        let load = client.prepare_cached(LOAD).await?;
        client.query(&load, &[&service, &accepted]).await?.iter().map(gap).collect()
    });
    Ok(gaps.await?)
}

pub(super) async fn accept(connections: &Connections, service: &str) -> Result<Vec<Gap>, QueueError> {
    let client = connections.get().await?;
    let gaps = answered(client, async |client| {
        let accept = client.prepare_cached(ACCEPT).await?;
        client.query(&accept, &[&service]).await?.iter().map(gap).collect::<Result<Vec<Gap>, _>>()
    });
    let mut gaps = gaps.await?;
    gaps.sort_by(|one, other| one.slot.cmp(&other.slot));
    Ok(gaps)
}

pub(super) async fn spend(
    connections: &Connections,
    service: &str,
    slots: &[Slot],
) -> Result<(), QueueError> {
    let (topics, partitions): (Vec<&str>, Vec<i32>) =
        slots.iter().map(|slot| (&*slot.topic, slot.partition)).unzip();
    let client = connections.get().await?;
    answered(client, async |client| {
        let spend = client.prepare_cached(SPEND).await?;
        Ok(client.execute(&spend, &[&service, &topics, &partitions]).await?)
    })
    .await?;
    Ok(())
}
