//! Halts and fuses of services.

use outbox::QueueError;
use worker::{Brake, Halted};

use super::connect::{Connections, answered};
use super::failure::Failure;
use super::gaps::FORGET;
use crate::time;

const LOAD: &str = "SELECT halted_why, halted_since, fuse FROM router_brakes WHERE service = $1";

/// A halt that is there keeps its own reason and time.
const SAVE: &str =
    "INSERT INTO router_brakes AS known (service, halted_why, halted_since, fuse) VALUES ($1, $2, $3, $4)
    ON CONFLICT (service) DO UPDATE SET fuse = excluded.fuse,
        halted_since = CASE WHEN known.halted_why IS NULL THEN excluded.halted_since ELSE known.halted_since END,
        halted_why = coalesce(known.halted_why, excluded.halted_why)";

const RESUME: &str = "DELETE FROM router_brakes WHERE service = $1 OR starts_with(service, $1 || '.')
    RETURNING service, halted_why, halted_since";

pub(super) async fn load(connections: &Connections, service: &str) -> Result<Brake, QueueError> {
    let client = connections.get().await?;
    let brake = answered(client, async |client| {
        let load = client.prepare_cached(LOAD).await?;
        let Some(row) = client.query_opt(&load, &[&service]).await? else { return Ok(Brake::default()) };
        Ok(Brake { halted: halted(row.try_get(0)?, row.try_get(1)?), fuse: row.try_get(2)? })
    });
    Ok(brake.await?)
}

pub(super) async fn save(connections: &Connections, service: &str, brake: &Brake) -> Result<(), QueueError> {
    let client = connections.get().await?;
    let halted = brake.halted.as_ref();
    // Postgres has no NUL in text, and an error may quote anything.
    let why = halted.map(|halted| halted.why.replace('\0', "\u{FFFD}"));
    let since = halted.map(|halted| time::micros(halted.since));
    answered(client, async |client| {
        let save = client.prepare_cached(SAVE).await?;
        Ok(client.execute(&save, &[&service, &why, &since, &brake.fuse]).await?)
    })
    .await?;
    Ok(())
}

pub(super) async fn resume(
    connections: &Connections,
    service: &str,
) -> Result<Vec<(String, Halted)>, QueueError> {
    let client = connections.get().await?;
    let mut ended = answered(client, async |client| {
        let transaction = client.transaction().await?;
        transaction.execute(&transaction.prepare_cached(FORGET).await?, &[&service]).await?;
        let rows = transaction.query(&transaction.prepare_cached(RESUME).await?, &[&service]).await?;
        transaction.commit().await?;
        let read = |row: &tokio_postgres::Row| -> Result<_, Failure> {
            let service: String = row.try_get(0)?;
            Ok(halted(row.try_get(1)?, row.try_get(2)?).map(|halted| (service, halted)))
        };
        let read: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(read.into_iter().flatten().collect::<Vec<_>>())
    })
    .await?;
    ended.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(ended)
}

fn halted(why: Option<String>, since: Option<i64>) -> Option<Halted> {
    Some(Halted { why: why?, since: time::timestamp(since.unwrap_or_default()) })
}
