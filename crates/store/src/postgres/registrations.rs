//! Windows of registration and sealed secrets. The database's clock says when a window ends.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use outbox::QueueError;

use super::Postgres;
use super::connect::answered;
use super::failure::Failure;
use crate::{Learnt, Registered, Registrations, Sealed, time};

const WINDOWS: &str =
    "SELECT source, until - router_now($1) FROM router_windows WHERE until > router_now($1)";

const SECRETS: &str =
    "SELECT source, id, sealed, learned_at FROM router_secrets ORDER BY source, learned_at, id";

const OPEN: &str = "INSERT INTO router_windows (source, until) VALUES ($2, $3 + router_now($1))
    ON CONFLICT (source) DO UPDATE SET until = excluded.until";

/// Members that learn for one source do so one after the other, so that they count what the others kept.
const IS_OPEN: &str = "SELECT 1 FROM router_windows WHERE source = $2 AND until > router_now($1) FOR UPDATE";

const OTHERS: &str = "SELECT count(*) FROM router_secrets WHERE source = $1 AND id <> $2";

const KEEP: &str =
    "INSERT INTO router_secrets (source, id, sealed, learned_at) VALUES ($2, $3, $4, router_now($1))
    ON CONFLICT (source, id) DO NOTHING";

/// Of two members that seal the same one anew, the second finds it done.
const RESEAL: &str =
    "WITH gone AS (DELETE FROM router_secrets WHERE source = $1 AND id = $2 RETURNING learned_at)
    INSERT INTO router_secrets (source, id, sealed, learned_at) SELECT $1, $3, $4, learned_at FROM gone
    ON CONFLICT (source, id) DO NOTHING";

const CLOSE: &str = "DELETE FROM router_windows WHERE source = $1";

const FORGET: &str = "DELETE FROM router_secrets WHERE source = $1";

#[async_trait]
impl Registrations for Postgres {
    async fn registered(&self) -> Result<Vec<Registered>, QueueError> {
        let now = self.moments.given(self.moments.now());
        let client = self.connections.get().await?;
        let found = answered(client, async |client| {
            let mut all: BTreeMap<String, Registered> = BTreeMap::new();
            for row in client.query(&client.prepare_cached(WINDOWS).await?, &[&now]).await? {
                let left: i64 = row.try_get(1)?;
                let open_for = Some(Duration::from_micros(left.unsigned_abs()));
                all.entry(row.try_get(0)?).or_default().open_for = open_for;
            }
            for row in client.query(&client.prepare_cached(SECRETS).await?, &[]).await? {
                let sealed = Sealed { id: row.try_get(1)?, bytes: row.try_get(2)? };
                let learned_at = time::timestamp(row.try_get(3)?);
                all.entry(row.try_get(0)?).or_default().secrets.push((sealed, learned_at));
            }
            Ok(all)
        });
        Ok(found.await?.into_iter().map(|(source, kept)| Registered { source, ..kept }).collect())
    }

    async fn open_window(&self, source: &str, span: Duration) -> Result<(), QueueError> {
        let (now, span) = (self.moments.given(self.moments.now()), time::span(span));
        let client = self.connections.get().await?;
        answered(client, async |client| {
            let open = client.prepare_cached(OPEN).await?;
            Ok(client.execute(&open, &[&now, &source, &span]).await?)
        })
        .await?;
        Ok(())
    }

    async fn learn(&self, source: &str, sealed: &Sealed, most: usize) -> Result<Learnt, QueueError> {
        let now = self.moments.given(self.moments.now());
        let client = self.connections.get().await?;
        let learnt = answered(client, async |client| -> Result<Learnt, Failure> {
            let transaction = client.transaction().await?;
            let is_open = transaction.prepare_cached(IS_OPEN).await?;
            if transaction.query_opt(&is_open, &[&now, &source]).await?.is_none() {
                return Ok(Learnt::Closed);
            }
            let others = transaction.prepare_cached(OTHERS).await?;
            let count: i64 = transaction.query_one(&others, &[&source, &sealed.id]).await?.try_get(0)?;
            if count.unsigned_abs() >= most as u64 {
                return Ok(Learnt::Full);
            }
            let keep = transaction.prepare_cached(KEEP).await?;
            transaction.execute(&keep, &[&now, &source, &sealed.id, &sealed.bytes]).await?;
            transaction.commit().await?;
            Ok(Learnt::Kept)
        });
        Ok(learnt.await?)
    }

    async fn reseal(&self, source: &str, before: &str, sealed: &Sealed) -> Result<(), QueueError> {
        let client = self.connections.get().await?;
        answered(client, async |client| {
            let reseal = client.prepare_cached(RESEAL).await?;
            Ok(client.execute(&reseal, &[&source, &before, &sealed.id, &sealed.bytes]).await?)
        })
        .await?;
        Ok(())
    }

    async fn forget(&self, source: &str) -> Result<u64, QueueError> {
        let client = self.connections.get().await?;
        let forgotten = answered(client, async |client| {
            let transaction = client.transaction().await?;
            transaction.execute(&transaction.prepare_cached(CLOSE).await?, &[&source]).await?;
            let forgotten =
                transaction.execute(&transaction.prepare_cached(FORGET).await?, &[&source]).await?;
            transaction.commit().await?;
            Ok(forgotten)
        });
        Ok(forgotten.await?)
    }
}
