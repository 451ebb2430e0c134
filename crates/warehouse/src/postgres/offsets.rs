//! How far the topic is contained.

use bus::Slot;
use store::ground::{Connections, Failure};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;
use worker::{Fingerprint, Last, Standing};

use super::statements as sql;

pub(super) fn standing(row: &Row) -> Result<Standing, Failure> {
    let (topic, fingerprint): (&str, Option<Uuid>) = (row.try_get(0)?, row.try_get(5)?);
    let last = row.try_get::<_, Option<i64>>(4)?.zip(fingerprint);
    let last = last.map(|(offset, fingerprint)| Last { offset, fingerprint: Fingerprint(fingerprint) });
    let slot = Slot::new(topic, row.try_get(1)?);
    Ok(Standing { slot, epoch: row.try_get(2)?, next: row.try_get(3)?, last })
}

async fn ask(
    connections: &Connections,
    sql: &str,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Standing>, Failure> {
    let found = connections.ask(async |client| {
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, params).await?;
        rows.iter().map(standing).collect()
    });
    found.await
}

fn columns(slots: &[Slot]) -> (Vec<&str>, Vec<i32>) {
    slots.iter().map(|slot| (&*slot.topic, slot.partition)).unzip()
}

pub(super) async fn assign(connections: &Connections, slots: &[Slot]) -> Result<Vec<Standing>, Failure> {
    let (topics, partitions) = columns(slots);
    ask(connections, sql::ASSIGN, &[&topics, &partitions]).await
}

pub(super) async fn standings(connections: &Connections, slots: &[Slot]) -> Result<Vec<Standing>, Failure> {
    let (topics, partitions) = columns(slots);
    ask(connections, sql::STANDINGS, &[&topics, &partitions]).await
}

pub(super) async fn all(connections: &Connections) -> Result<Vec<Standing>, Failure> {
    ask(connections, sql::OFFSETS, &[]).await
}

/// False: the slot is not where it should be, and nothing is done.
pub(super) async fn restart(
    connections: &Connections,
    slot: &Slot,
    epoch: i64,
    from: i64,
) -> Result<bool, Failure> {
    let restarted = connections.ask(async |client| {
        let restart = client.prepare_cached(sql::RESTART).await?;
        Ok(client.execute(&restart, &[&&*slot.topic, &slot.partition, &epoch, &from]).await?)
    });
    Ok(restarted.await? == 1)
}
