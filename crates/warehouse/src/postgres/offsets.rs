//! How far the topic is contained.

use bus::Slot;
pub(super) use store::ground::standing;
use store::ground::{Connections, Failure, slot_columns};
use tokio_postgres::types::ToSql;
use worker::Standing;

use super::statements as sql;

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

pub(super) async fn assign(connections: &Connections, slots: &[Slot]) -> Result<Vec<Standing>, Failure> {
    let (topics, partitions) = slot_columns(slots);
    ask(connections, sql::ASSIGN, &[&topics, &partitions]).await
}

pub(super) async fn standings(connections: &Connections, slots: &[Slot]) -> Result<Vec<Standing>, Failure> {
    let (topics, partitions) = slot_columns(slots);
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
