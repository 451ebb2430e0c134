//! Target leases between members.

use std::collections::BTreeSet;

use outbox::QueueError;

use super::connect::{Connections, answered};
use super::failure::Failure;
use crate::shares::{self, Holders};

/// One member of a service decides at a time.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('okr-router holds ' || $1::text, 0))";

const FORGET: &str = "DELETE FROM router_members WHERE service = $2 AND until <= router_now($1)";

const ALIVE: &str = "INSERT INTO router_members (service, owner, targets, until) VALUES ($2, $3, $4, $5 + router_now($1)) ON CONFLICT (service, owner) DO UPDATE SET targets = excluded.targets, until = excluded.until";

const MEMBERS: &str = "SELECT owner, targets FROM router_members WHERE service = $1";

const LAPSE: &str = "DELETE FROM router_holds WHERE service = $2 AND until <= router_now($1)";

const HOLDERS: &str = "SELECT target, owner FROM router_holds WHERE service = $1";

const HOLD: &str = "INSERT INTO router_holds (service, owner, target, until)
    SELECT $2, $3, target, $5 + router_now($1) FROM unnest($4::text[]) AS t(target)
    ON CONFLICT (service, target) DO UPDATE SET until = excluded.until";

const GIVE_UP: &str =
    "DELETE FROM router_holds WHERE service = $1 AND owner = $2 AND target = ANY($3::text[])";

const LEAVE: &str = "WITH member AS (DELETE FROM router_members WHERE service = $1 AND owner = $2)
    DELETE FROM router_holds WHERE service = $1 AND owner = $2";

/// One call of `Queue::hold`.
pub(super) struct Ask<'a> {
    pub(super) service: &'a str,
    pub(super) owner: &'a str,
    pub(super) targets: BTreeSet<&'a str>,
    /// How long, in microseconds.
    pub(super) lease: i64,
    /// The moment, where the database is not to read its own clock.
    pub(super) now: Option<i64>,
}

pub(super) async fn hold(connections: &Connections, ask: &Ask<'_>) -> Result<Vec<String>, QueueError> {
    let Ask { service, owner, lease, now, .. } = ask;
    let targets =
        serde_json::to_string(&ask.targets).map_err(|error| QueueError::Broken(error.to_string()))?;
    let client = connections.get().await?;
    let held = answered(client, async |client| {
        // Dropped half way, it is rolled back; a member that is stopped half way is cut off by the server.
        let transaction = client.transaction().await?;
        transaction.execute(&transaction.prepare_cached(LOCK).await?, &[service]).await?;
        transaction.execute(&transaction.prepare_cached(FORGET).await?, &[now, service]).await?;
        let alive = transaction.prepare_cached(ALIVE).await?;
        transaction.execute(&alive, &[now, service, owner, &targets, lease]).await?;
        transaction.execute(&transaction.prepare_cached(LAPSE).await?, &[now, service]).await?;

        let members = transaction.query(&transaction.prepare_cached(MEMBERS).await?, &[service]).await?;
        let holders = transaction.query(&transaction.prepare_cached(HOLDERS).await?, &[service]).await?;
        let members = shares::members(pairs(&members)?)?;
        let holders: Holders = pairs(&holders)?.into_iter().collect();
        let shared = shares::share(&members, &holders);
        let shares::Verdict { held, given_up } = shares::verdict(owner, &shared, &holders);

        let hold = transaction.prepare_cached(HOLD).await?;
        transaction.execute(&hold, &[now, service, owner, &held, lease]).await?;
        if !given_up.is_empty() {
            let give_up = transaction.prepare_cached(GIVE_UP).await?;
            transaction.execute(&give_up, &[service, owner, &given_up]).await?;
        }
        transaction.commit().await?;
        Ok(held)
    });
    Ok(held.await?)
}

fn pairs(rows: &[tokio_postgres::Row]) -> Result<Vec<(String, String)>, Failure> {
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

pub(super) async fn release(connections: &Connections, service: &str, owner: &str) -> Result<(), QueueError> {
    let client = connections.get().await?;
    let left = answered(client, async |client| Ok(client.execute(LEAVE, &[&service, &owner]).await?));
    left.await?;
    Ok(())
}
