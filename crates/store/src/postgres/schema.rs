//! The tables of the Postgres home. Forward only: a step that was released is never changed, a new one is added.

use deadpool_postgres::Object;
use outbox::QueueError;

use super::connect::{Connections, answered};
use super::failure::Failure;
use crate::StoreError;

/// What brings the database from version n to n + 1.
const STEPS: &[&str] = &[
    include_str!("0001.sql"),
    include_str!("0002.sql"),
    include_str!("0003.sql"),
    include_str!("0004.sql"),
    include_str!("0005.sql"),
];
/// Members that start together migrate one after the other. The number is ours alone in a database: "okr-stor".
const LOCK: &str = "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(8028075845441842034);
    CREATE TABLE IF NOT EXISTS router_migrations (version bigint PRIMARY KEY, applied_at timestamptz NOT NULL)";

/// The newest version that this program can work with.
pub(super) fn known() -> i64 {
    STEPS.len() as i64
}

/// Brings the database up to date, all steps in one transaction.
pub(super) async fn migrate(connections: &Connections) -> Result<(), StoreError> {
    let broken = |failure: Failure| StoreError::Home(QueueError::from(failure));
    let client = connections.get().await.map_err(broken)?;
    let found = answered(client, apply).await.map_err(broken)?;
    if found > known() {
        return Err(StoreError::Newer { found, known: known() });
    }
    Ok(())
}

/// Answers the version that was found.
async fn apply(client: &mut Object) -> Result<i64, Failure> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(LOCK).await?;
    let found = transaction.query_one("SELECT coalesce(max(version), 0) FROM router_migrations", &[]).await?;
    let found: i64 = found.try_get(0)?;
    for (step, number) in STEPS.iter().zip(1i64..).skip(usize::try_from(found).unwrap_or_default()) {
        transaction.batch_execute(step).await?;
        let mark = "INSERT INTO router_migrations (version, applied_at) VALUES ($1, now())";
        transaction.execute(mark, &[&number]).await?;
    }
    transaction.commit().await?;
    Ok(found)
}
