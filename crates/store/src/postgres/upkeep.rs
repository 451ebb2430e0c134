//! What is asked about the whole: depths, pruning, whether the database answers.

use outbox::{Depth, QueueError};

use super::connect::{Connections, answered};
use super::failure::Failure;
use crate::time;

const DEPTHS: &str =
    "SELECT target, count(*), min(planned_at) FROM router_parcels WHERE service = $1 GROUP BY target";

/// Members may prune at the same time: each leaves alone what another is at.
const PRUNE: &str = "DELETE FROM router_effects WHERE id IN (
    SELECT id FROM router_effects WHERE claimed_at < $1 AND finished_at < $1
    ORDER BY claimed_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

pub(super) async fn depths(connections: &Connections, service: &str) -> Result<Vec<Depth>, QueueError> {
    let client = connections.get().await?;
    let rows = answered(client, async |client| {
        let statement = client.prepare_cached(DEPTHS).await?;
        Ok(client.query(&statement, &[&service]).await?)
    })
    .await?;
    let read = |row: &tokio_postgres::Row| -> Result<Depth, Failure> {
        let count: i64 = row.try_get(1)?;
        let oldest: Option<i64> = row.try_get(2)?;
        Ok(Depth { target: row.try_get(0)?, rows: count.unsigned_abs(), oldest: oldest.map(time::timestamp) })
    };
    rows.iter().map(|row| read(row).map_err(QueueError::from)).collect()
}

/// Forgets at most `most` effects that were finished before `before`.
pub(super) async fn prune(connections: &Connections, before: i64, most: i64) -> Result<u64, QueueError> {
    let client = connections.get().await?;
    let pruned = answered(client, async |client| {
        let statement = client.prepare_cached(PRUNE).await?;
        Ok(client.execute(&statement, &[&before, &most]).await?)
    });
    Ok(pruned.await?)
}

pub(super) async fn ping(connections: &Connections) -> Result<(), QueueError> {
    let client = connections.get().await?;
    answered(client, async |client| Ok(client.batch_execute("SELECT 1").await?)).await?;
    Ok(())
}
