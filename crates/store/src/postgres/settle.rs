//! Marking how attempts ended, for many callers at once.

use std::collections::HashSet;

use async_trait::async_trait;
use outbox::{Outcome, Settlement};
use tokio_postgres::types::ToSql;

use super::Moments;
use super::coalesce::Batch;
use super::connect::{Connections, answered};
use super::failure::Failure;
use crate::{packing, time};

/// The lanes that these settlements may change, locked in the order that everybody keeps to.
pub(super) const LOCK: &str =
    "SELECT 1 FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS s(id, owner, attempt)
    JOIN router_parcels p ON p.id = s.id
    JOIN router_lanes l ON l.service = p.service AND l.target = p.target AND l.lane = p.lane
        AND l.head_id = s.id AND l.owner = s.owner AND l.attempt = s.attempt
    ORDER BY l.service, l.target, l.lane FOR UPDATE OF l";

/// Runs under those locks with a snapshot of its own, so that it sees every row planned for these lanes.
pub(super) const SETTLE: &str = "WITH moment AS MATERIALIZED (
        SELECT router_now($1) AS now
    ), hit AS MATERIALIZED (
        SELECT s.*, l.service, l.target, l.lane
        FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::boolean[], $6::bigint[], $7::bigint[], $8::text[],
            $9::text[]) WITH ORDINALITY AS s(id, owner, attempt, finished, uncounted, wait, reason, error, n)
        JOIN router_parcels p ON p.id = s.id
        JOIN router_lanes l ON l.service = p.service AND l.target = p.target AND l.lane = p.lane
            AND l.head_id = s.id AND l.owner = s.owner AND l.attempt = s.attempt
    ), finished AS (
        UPDATE router_effects e
        SET finished_at = (SELECT now FROM moment), attempts = hit.attempt, reason = hit.reason, error = hit.error
        FROM hit WHERE hit.finished AND e.id = hit.id
    ), left_behind AS (
        DELETE FROM router_parcels p USING hit WHERE hit.finished AND p.id = hit.id
    ), next AS MATERIALIZED (
        SELECT hit.service, hit.target, hit.lane, p.id, p.planned_at FROM hit LEFT JOIN LATERAL (
            SELECT id, planned_at FROM router_parcels p
            WHERE p.service = hit.service AND p.target = hit.target AND p.lane = hit.lane AND p.id <> hit.id
            ORDER BY p.id LIMIT 1
        ) p ON true WHERE hit.finished
    ), promoted AS (
        UPDATE router_lanes l
        SET head_id = next.id, due_at = next.planned_at, owner = NULL, attempt = 0, error = NULL FROM next
        WHERE next.id IS NOT NULL AND l.service = next.service AND l.target = next.target AND l.lane = next.lane
    ), closed AS (
        DELETE FROM router_lanes l USING next
        WHERE next.id IS NULL AND l.service = next.service AND l.target = next.target AND l.lane = next.lane
    ), waiting AS (
        UPDATE router_lanes l
        SET owner = NULL, due_at = (SELECT now FROM moment) + hit.wait, attempt = l.attempt - hit.uncounted,
            error = hit.error
        FROM hit
        WHERE NOT hit.finished AND l.service = hit.service AND l.target = hit.target AND l.lane = hit.lane
    )
    SELECT n FROM hit";

pub(super) struct Settlements {
    pub(super) connections: Connections,
    pub(super) moments: Moments,
}

/// The columns of many settlements, each an array.
#[derive(Default)]
pub(super) struct Columns<'a> {
    ids: Vec<i64>,
    owners: Vec<&'a str>,
    attempts: Vec<i64>,
    finished: Vec<bool>,
    /// 1 where the attempt does not count.
    uncounted: Vec<i64>,
    /// Microseconds from now until it is due again.
    waits: Vec<i64>,
    reasons: Vec<Option<String>>,
    errors: Vec<Option<String>>,
    /// Which call each came with.
    calls: Vec<usize>,
}

impl<'a> Columns<'a> {
    /// The first settlement of each attempt: it ends the lease, so a second one comes too late.
    pub(super) fn of(asks: &'a [Vec<Settlement>], now: jiff::Timestamp) -> Self {
        let mut columns = Self::default();
        let mut seen = HashSet::new();
        for (call, settlement) in
            asks.iter().enumerate().flat_map(|(n, all)| all.iter().map(move |one| (n, one)))
        {
            let Settlement { id, owner, attempt, outcome } = settlement;
            if !seen.insert((*id, owner.as_str(), *attempt)) {
                continue;
            }
            let (finished, uncounted, wait, reason, error) = match outcome {
                Outcome::Done => (true, 0, 0, None, None),
                Outcome::Dead { reason, error } => (true, 0, 0, Some(reason), Some(error)),
                Outcome::Again { not_before, error } => {
                    (false, 0, time::distance(*not_before, now), None, Some(error))
                }
                Outcome::Untried { not_before } => (false, 1, time::distance(*not_before, now), None, None),
            };
            columns.ids.push(*id);
            columns.owners.push(owner);
            columns.attempts.push(i64::from(*attempt));
            columns.finished.push(finished);
            columns.uncounted.push(uncounted);
            columns.waits.push(wait);
            columns.reasons.push(reason.map(|words| packing::remark(words)));
            columns.errors.push(error.map(|words| packing::remark(words)));
            columns.calls.push(call);
        }
        columns
    }

    /// As [`LOCK`] takes them.
    pub(super) fn leases(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.ids, &self.owners, &self.attempts]
    }

    /// As [`SETTLE`] takes them.
    pub(super) fn marks<'b>(&'b self, now: &'b Option<i64>) -> [&'b (dyn ToSql + Sync); 9] {
        let Self { ids, owners, attempts, finished, uncounted, waits, reasons, errors, .. } = self;
        [now, ids, owners, attempts, finished, uncounted, waits, reasons, errors]
    }
}

#[async_trait]
impl Batch for Settlements {
    type Ask = Vec<Settlement>;
    type Answer = usize;

    fn rows(ask: &Self::Ask) -> usize {
        ask.len()
    }

    /// Answers for each call how many of its settlements changed nothing.
    async fn run(&self, asks: &[Self::Ask]) -> Result<Vec<usize>, Failure> {
        let moment = self.moments.now();
        let (now, columns) = (self.moments.given(moment), Columns::of(asks, moment));
        let client = self.connections.get().await?;
        let hit = answered(client, async |client| {
            let lock = client.prepare_cached(LOCK).await?;
            let settle = client.prepare_cached(SETTLE).await?;
            let (leases, marks) = (columns.leases(), columns.marks(&now));
            let client: &tokio_postgres::Client = client;
            // Sent in one go, answered in one go: no lock waits for our next word, even if we are stopped here.
            let (begun, locked, hit, committed) = futures::join!(
                client.batch_execute("BEGIN"),
                client.execute(&lock, &leases),
                client.query(&settle, &marks),
                client.batch_execute("COMMIT"),
            );
            begun?;
            locked?;
            let hit = hit?;
            committed?;
            Ok(hit)
        })
        .await?;
        let mut refused: Vec<usize> = asks.iter().map(Vec::len).collect();
        for row in hit {
            let n: i64 = row.try_get(0)?;
            let call = usize::try_from(n - 1).ok().and_then(|n| columns.calls.get(n));
            if let Some(refused) = call.and_then(|call| refused.get_mut(*call)) {
                *refused -= 1;
            }
        }
        Ok(refused)
    }
}
