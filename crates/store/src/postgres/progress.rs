//! How far state services have come.

use std::collections::HashMap;

use bus::{OutRecord, Slot};
use outbox::QueueError;
use tokio_postgres::Row;
use uuid::Uuid;
use worker::{Batch, Fingerprint, Last, Mark, Outgoing, Standing};

use super::connect::{Connections, answered};
use super::failure::Failure;
use crate::state::{State, packed, unpacked};

/// Locked in one order by everybody, so nobody waits in a circle. What a person accepted of a slot that stands
/// elsewhere is of no use but to be taken for another one later.
const ASSIGN: &str = "WITH assigned AS (
        INSERT INTO router_progress AS known (service, topic, partition, epoch, next_offset)
        SELECT $1, topic, partition, 1, 0 FROM unnest($2::text[], $3::integer[]) AS s(topic, partition)
        ORDER BY topic, partition
        ON CONFLICT (service, topic, partition) DO UPDATE SET epoch = known.epoch + 1
        RETURNING topic, partition, epoch, next_offset, last_offset, fingerprint
    ), elsewhere AS (
        DELETE FROM router_gaps g USING assigned a
        WHERE g.service = $1 AND g.topic = a.topic AND g.partition = a.partition AND g.accepted
            AND (g.from_offset <> a.next_offset OR a.last_offset IS NULL)
    )
    SELECT * FROM assigned";

/// A commit that is still under way, of whose end its member has not heard, holds its slots: it is waited for, or it
/// could land after the answer.
const STANDINGS: &str = "SELECT p.topic, p.partition, p.epoch, p.next_offset, p.last_offset, p.fingerprint
    FROM unnest($2::text[], $3::integer[]) AS s(topic, partition)
    JOIN router_progress p ON p.service = $1 AND p.topic = s.topic AND p.partition = s.partition
    ORDER BY p.topic, p.partition FOR SHARE OF p";

const LOCK: &str = "SELECT p.topic FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[])
        AS s(topic, partition, epoch, next_offset)
    JOIN router_progress p ON p.service = $1 AND p.topic = s.topic AND p.partition = s.partition
        AND p.epoch = s.epoch AND p.next_offset = s.next_offset
    ORDER BY p.topic, p.partition FOR UPDATE OF p";

const MARK: &str = "UPDATE router_progress p SET next_offset = s.next_offset, last_offset = s.last_offset,
        fingerprint = s.fingerprint
    FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::uuid[])
        AS s(topic, partition, next_offset, last_offset, fingerprint)
    WHERE p.service = $1 AND p.topic = s.topic AND p.partition = s.partition";

/// What a person accepted is spent when it was carried out, so that the next loss at this offset is a gap again.
const RESTART: &str = "WITH begun AS (
        UPDATE router_progress SET next_offset = 0, last_offset = NULL, fingerprint = NULL
        WHERE service = $1 AND topic = $2 AND partition = $3 AND epoch = $4 AND next_offset = $5
        RETURNING topic, partition
    ), spent AS (
        DELETE FROM router_gaps g USING begun b
        WHERE g.service = $1 AND g.topic = b.topic AND g.partition = b.partition AND g.from_offset = $5
    )
    SELECT 1 FROM begun";

const KEEP: &str = "INSERT INTO router_state (service, key, value)
    SELECT $1, key, value FROM unnest($2::text[], $3::bytea[]) AS s(key, value) ORDER BY key
    ON CONFLICT (service, key) DO UPDATE SET value = excluded.value";

const FORGET: &str = "DELETE FROM router_state WHERE service = $1 AND key = ANY($2::text[])";

const STATE: &str = "SELECT key, value FROM router_state WHERE service = $1 AND key = ANY($2::text[])";

const SEND: &str = "INSERT INTO router_outgoing (service, record)
    SELECT $1, record FROM unnest($2::bytea[]) WITH ORDINALITY AS s(record, n) ORDER BY n";

const RELAY: &str = "INSERT INTO router_relays AS known (service, owner, until)
    VALUES ($1, $2, router_now($3) + $4)
    ON CONFLICT (service) DO UPDATE SET owner = excluded.owner, until = excluded.until
    WHERE known.owner = excluded.owner OR known.until <= router_now($3)";

const OUTGOING: &str = "SELECT id, record FROM router_outgoing WHERE service = $1 ORDER BY id LIMIT $2";

const SENT: &str = "DELETE FROM router_outgoing WHERE service = $1 AND id = ANY($2::bigint[])";

/// Topics and partitions, for `unnest`.
pub fn slot_columns<'a>(slots: impl IntoIterator<Item = &'a Slot>) -> (Vec<&'a str>, Vec<i32>) {
    slots.into_iter().map(|slot| (&*slot.topic, slot.partition)).unzip()
}

/// Reads topic, partition, epoch, next offset, last offset and its fingerprint.
pub fn standing(row: &Row) -> Result<Standing, Failure> {
    let (topic, fingerprint): (&str, Option<Uuid>) = (row.try_get(0)?, row.try_get(5)?);
    let last = row.try_get::<_, Option<i64>>(4)?.zip(fingerprint);
    let last = last.map(|(offset, fingerprint)| Last { offset, fingerprint: Fingerprint(fingerprint) });
    let slot = Slot::new(topic, row.try_get(1)?);
    Ok(Standing { slot, epoch: row.try_get(2)?, next: row.try_get(3)?, last })
}

async fn ask(
    connections: &Connections,
    sql: &str,
    service: &str,
    slots: &[Slot],
) -> Result<Vec<Standing>, QueueError> {
    let (topics, partitions) = slot_columns(slots);
    let client = connections.get().await?;
    let found = answered(client, async |client| {
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&service, &topics, &partitions]).await?;
        rows.iter().map(standing).collect::<Result<Vec<_>, _>>()
    });
    Ok(found.await?)
}

pub(super) async fn assign(
    connections: &Connections,
    service: &str,
    slots: &[Slot],
) -> Result<Vec<Standing>, QueueError> {
    ask(connections, ASSIGN, service, slots).await
}

pub(super) async fn standings(
    connections: &Connections,
    service: &str,
    slots: &[Slot],
) -> Result<Vec<Standing>, QueueError> {
    ask(connections, STANDINGS, service, slots).await
}

/// False: a mark does not find its slot where it should be, and nothing is done.
pub(super) async fn commit(
    connections: &Connections,
    service: &str,
    batch: &Batch<Vec<State>>,
) -> Result<bool, QueueError> {
    let (topics, partitions) = slot_columns(batch.marks.iter().map(|mark| &mark.slot));
    let pick = |number: fn(&Mark) -> i64| batch.marks.iter().map(number).collect::<Vec<i64>>();
    let (epochs, from) = (pick(|mark| mark.epoch), pick(|mark| mark.from));
    let (next, last) = (pick(|mark| mark.next), pick(|mark| mark.last.offset));
    let fingerprints: Vec<Uuid> = batch.marks.iter().map(|mark| mark.last.fingerprint.0).collect();
    // The last change of a key counts, for one statement cannot change a row twice.
    let changes: HashMap<&str, Option<&Vec<u8>>> =
        batch.changes.iter().map(|state| (state.key.as_str(), state.value.as_ref())).collect();
    let (kept, values): (Vec<&str>, Vec<&Vec<u8>>) =
        changes.iter().filter_map(|(key, value)| Some((*key, (*value)?))).unzip();
    let forgotten: Vec<&str> =
        changes.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| *key).collect();
    let records: Vec<Vec<u8>> = batch.produce.iter().map(|record: &OutRecord| packed(record)).collect();
    let client = connections.get().await?;
    let done = answered(client, async |client| {
        let transaction = client.transaction().await?;
        let lock = transaction.prepare_cached(LOCK).await?;
        let held = transaction.query(&lock, &[&service, &topics, &partitions, &epochs, &from]).await?;
        if held.len() != batch.marks.len() {
            transaction.rollback().await?;
            return Ok(false);
        }
        let mark = transaction.prepare_cached(MARK).await?;
        transaction.execute(&mark, &[&service, &topics, &partitions, &next, &last, &fingerprints]).await?;
        if !kept.is_empty() {
            let keep = transaction.prepare_cached(KEEP).await?;
            transaction.execute(&keep, &[&service, &kept, &values]).await?;
        }
        if !forgotten.is_empty() {
            let forget = transaction.prepare_cached(FORGET).await?;
            transaction.execute(&forget, &[&service, &forgotten]).await?;
        }
        if !records.is_empty() {
            let send = transaction.prepare_cached(SEND).await?;
            transaction.execute(&send, &[&service, &records]).await?;
        }
        transaction.commit().await?;
        Ok(true)
    });
    Ok(done.await?)
}

/// False: the slot is not where it should be, and nothing is done.
pub(super) async fn restart(
    connections: &Connections,
    service: &str,
    slot: &Slot,
    (epoch, from): (i64, i64),
) -> Result<bool, QueueError> {
    let client = connections.get().await?;
    let restarted = answered(client, async |client| {
        let restart = client.prepare_cached(RESTART).await?;
        Ok(client.query(&restart, &[&service, &&*slot.topic, &slot.partition, &epoch, &from]).await?)
    });
    Ok(restarted.await?.len() == 1)
}

pub(super) async fn state(
    connections: &Connections,
    service: &str,
    keys: &[String],
) -> Result<Vec<Option<Vec<u8>>>, QueueError> {
    let client = connections.get().await?;
    let mut found = answered(client, async |client| {
        let state = client.prepare_cached(STATE).await?;
        let rows = client.query(&state, &[&service, &keys]).await?;
        let read =
            |row: &Row| -> Result<(String, Vec<u8>), Failure> { Ok((row.try_get(0)?, row.try_get(1)?)) };
        rows.iter().map(read).collect::<Result<HashMap<_, _>, _>>()
    })
    .await?;
    Ok(keys.iter().map(|key| found.remove(key)).collect())
}

/// Who relays; the lease in microseconds.
pub(super) struct Relay<'a> {
    pub(super) service: &'a str,
    pub(super) owner: &'a str,
    pub(super) now: Option<i64>,
    pub(super) lease: i64,
    pub(super) limit: usize,
}

pub(super) async fn outgoing(
    connections: &Connections,
    relay: &Relay<'_>,
) -> Result<Vec<Outgoing>, QueueError> {
    let Relay { service, owner, now, lease, limit } = relay;
    let limit = *limit as i64;
    let client = connections.get().await?;
    let rows = answered(client, async |client| {
        let hold = client.prepare_cached(RELAY).await?;
        if client.execute(&hold, &[service, owner, now, lease]).await? == 0 {
            return Ok(Vec::new());
        }
        let outgoing = client.prepare_cached(OUTGOING).await?;
        Ok(client.query(&outgoing, &[service, &limit]).await?)
    })
    .await?;
    let read = |row: &Row| -> Result<(i64, Vec<u8>), Failure> { Ok((row.try_get(0)?, row.try_get(1)?)) };
    rows.iter()
        .map(|row| {
            let (id, record) = read(row)?;
            unpacked(id, &record)
        })
        .collect()
}

pub(super) async fn sent(connections: &Connections, service: &str, ids: &[i64]) -> Result<(), QueueError> {
    let client = connections.get().await?;
    answered(client, async |client| {
        let sent = client.prepare_cached(SENT).await?;
        Ok(client.execute(&sent, &[&service, &ids]).await?)
    })
    .await?;
    Ok(())
}
