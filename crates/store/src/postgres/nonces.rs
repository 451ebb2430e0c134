//! Values that were used once. The database's clock says how old they are.

use std::time::Duration;

use async_trait::async_trait;
use outbox::QueueError;

use super::connect::answered;
use super::{PRUNE_SLICE, Postgres};
use crate::{Begun, Hash, Nonces, Taken, Used, nonces, time};

const USED: &str = "SELECT content, answer FROM router_nonces WHERE source = $1 AND nonce = $2";

/// What is only taken has no answer.
const TAKE: &str = "INSERT INTO router_nonces (source, nonce, content, answer, used_at)
    VALUES ($2, $3, $4, '', router_now($1)) ON CONFLICT (source, nonce)
    DO UPDATE SET content = excluded.content, used_at = excluded.used_at
    WHERE router_nonces.answer = '' AND router_nonces.used_at < router_now($1) - $5
    RETURNING used_at";

/// The moment becomes another one in any case, whatever the clock says: whoever took it before leaves it no more.
const SHARE: &str = "UPDATE router_nonces SET used_at = greatest(router_now($1), used_at + 1)
    WHERE source = $2 AND nonce = $3 AND content = $4 AND answer = ''";

const KEEP: &str = "INSERT INTO router_nonces (source, nonce, content, answer, used_at)
    VALUES ($2, $3, $4, $5, router_now($1)) ON CONFLICT (source, nonce)
    DO UPDATE SET answer = excluded.answer, used_at = excluded.used_at
    WHERE router_nonces.answer = '' AND router_nonces.content = excluded.content";

const LEAVE: &str = "DELETE FROM router_nonces
    WHERE source = $1 AND nonce = $2 AND content = $3 AND answer = '' AND used_at = $4";

const IS_SAME: &str = "SELECT 1 FROM router_nonces WHERE source = $1 AND nonce = $2 AND content = $3";

/// Members may prune at the same time: each leaves alone what another is at.
const PRUNE: &str = "DELETE FROM router_nonces WHERE (source, nonce) IN (
    SELECT source, nonce FROM router_nonces WHERE source = $2 AND used_at < router_now($1) - $3
    ORDER BY used_at LIMIT $4 FOR UPDATE SKIP LOCKED)";

#[async_trait]
impl Nonces for Postgres {
    async fn used(&self, source: &str, nonce: &Hash) -> Result<Option<Used>, QueueError> {
        let client = self.connections.get().await?;
        let found = answered(client, async |client| {
            let used = client.prepare_cached(USED).await?;
            let row = client.query_opt(&used, &[&source, &&nonce[..]]).await?;
            row.map(|row| Ok((row.try_get::<_, Vec<u8>>(0)?, row.try_get::<_, Vec<u8>>(1)?))).transpose()
        });
        found.await?.map_or(Ok(None), |(content, answer)| nonces::read(&content, answer))
    }

    async fn take_nonce(
        &self,
        source: &str,
        nonce: &Hash,
        content: &Hash,
        taken_max: Duration,
    ) -> Result<Begun, QueueError> {
        let (now, taken_max) = (self.moments.given(self.moments.now()), time::span(taken_max));
        let client = self.connections.get().await?;
        let begun = answered(client, async |client| {
            let (nonce, hash) = (&nonce[..], &content[..]);
            let take = client.prepare_cached(TAKE).await?;
            let row = client.query_opt(&take, &[&now, &source, &nonce, &hash, &taken_max]).await?;
            if let Some(row) = row {
                return Ok(Some(Begun::Taken(Taken { content: *content, at: row.try_get(0)? })));
            }
            let share = client.prepare_cached(SHARE).await?;
            let shared = client.execute(&share, &[&now, &source, &nonce, &hash]).await?;
            Ok((shared > 0).then_some(Begun::Shared))
        });
        match begun.await? {
            Some(begun) => Ok(begun),
            None => Ok(self.used(source, nonce).await?.map_or(Begun::Busy, Begun::Used)),
        }
    }

    async fn keep_nonce(&self, source: &str, nonce: &Hash, used: &Used) -> Result<bool, QueueError> {
        let now = self.moments.given(self.moments.now());
        let (nonce, content) = (&nonce[..], &used.content[..]);
        let client = self.connections.get().await?;
        let is_same = answered(client, async |client| {
            let keep = client.prepare_cached(KEEP).await?;
            if client.execute(&keep, &[&now, &source, &nonce, &content, &used.answer]).await? > 0 {
                return Ok(true);
            }
            let same = client.prepare_cached(IS_SAME).await?;
            Ok(client.query_opt(&same, &[&source, &nonce, &content]).await?.is_some())
        });
        Ok(is_same.await?)
    }

    async fn leave_nonce(&self, source: &str, nonce: &Hash, taken: &Taken) -> Result<(), QueueError> {
        let client = self.connections.get().await?;
        let left = answered(client, async |client| {
            let leave = client.prepare_cached(LEAVE).await?;
            Ok(client.execute(&leave, &[&source, &&nonce[..], &&taken.content[..], &taken.at]).await?)
        });
        Ok(left.await.map(drop)?)
    }

    async fn nonce_sources(&self) -> Result<Vec<String>, QueueError> {
        let client = self.connections.get().await?;
        let sources = answered(client, async |client| {
            let sources = client.prepare_cached(nonces::SOURCES).await?;
            client.query(&sources, &[]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
        });
        Ok(sources.await?)
    }

    async fn prune_nonces(&self, source: &str, age: Duration) -> Result<u64, QueueError> {
        let (now, age) = (self.moments.given(self.moments.now()), time::span(age));
        let mut pruned = 0;
        loop {
            let client = self.connections.get().await?;
            let slice = answered(client, async |client| {
                let prune = client.prepare_cached(PRUNE).await?;
                Ok(client.execute(&prune, &[&now, &source, &age, &PRUNE_SLICE]).await?)
            });
            let slice = slice.await?;
            pruned += slice;
            if slice < PRUNE_SLICE.unsigned_abs() {
                return Ok(pruned);
            }
        }
    }
}
