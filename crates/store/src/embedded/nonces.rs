//! Values that were used once.

use std::time::Duration;

use async_trait::async_trait;
use outbox::QueueError;

use super::{Embedded, PRUNE_SLICE};
use crate::{Begun, Hash, Nonces, Taken, Used, nonces, time};

const USED: &str = "SELECT content, answer FROM router_nonces WHERE source = ?1 AND nonce = ?2";

/// What is only taken has no answer.
const TAKE: &str =
    "INSERT INTO router_nonces (source, nonce, content, answer, used_at) VALUES (?1, ?2, ?3, x'', ?4)
    ON CONFLICT (source, nonce) DO UPDATE SET content = excluded.content, used_at = excluded.used_at
    WHERE router_nonces.answer = x'' AND router_nonces.used_at < ?5";

/// The moment becomes another one in any case, whatever the clock says: whoever took it before leaves it no more.
const SHARE: &str = "UPDATE router_nonces SET used_at = max(?4, used_at + 1)
    WHERE source = ?1 AND nonce = ?2 AND content = ?3 AND answer = x''";

const KEEP: &str =
    "INSERT INTO router_nonces (source, nonce, content, answer, used_at) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (source, nonce) DO UPDATE SET answer = excluded.answer, used_at = excluded.used_at
    WHERE router_nonces.answer = x'' AND router_nonces.content = excluded.content";

const LEAVE: &str = "DELETE FROM router_nonces
    WHERE source = ?1 AND nonce = ?2 AND content = ?3 AND answer = x'' AND used_at = ?4";

const IS_SAME: &str = "SELECT 1 FROM router_nonces WHERE source = ?1 AND nonce = ?2 AND content = ?3";

const PRUNE: &str = "DELETE FROM router_nonces WHERE rowid IN (
    SELECT rowid FROM router_nonces WHERE source = ?1 AND used_at < ?2 ORDER BY used_at LIMIT ?3)";

#[async_trait]
impl Nonces for Embedded {
    async fn used(&self, source: &str, nonce: &Hash) -> Result<Option<Used>, QueueError> {
        let (source, nonce) = (source.to_owned(), nonce.to_vec());
        let read = move |session: &mut super::Session| {
            let row = |row: &libsql::Row| Ok((row.get::<Vec<u8>>(0)?, row.get::<Vec<u8>>(1)?));
            session.rows(USED, (source, nonce), row)
        };
        let rows = self.call(read).await?;
        rows.into_iter().next().map_or(Ok(None), |(content, answer)| nonces::read(&content, answer))
    }

    async fn take_nonce(
        &self,
        source: &str,
        nonce: &Hash,
        content: &Hash,
        taken_max: Duration,
    ) -> Result<Begun, QueueError> {
        let now = self.now();
        let before = now.saturating_sub(time::span(taken_max));
        let row = (source.to_owned(), nonce.to_vec(), content.to_vec(), now);
        let taken = Taken { content: *content, at: now };
        let take = move |session: &mut super::Session| {
            let (source, nonce, content, now) = row.clone();
            if session.run(TAKE, (source, nonce, content, now, before))? > 0 {
                return Ok(Some(Begun::Taken(taken)));
            }
            Ok((session.run(SHARE, row)? > 0).then_some(Begun::Shared))
        };
        match self.call(take).await? {
            Some(begun) => Ok(begun),
            None => Ok(self.used(source, nonce).await?.map_or(Begun::Busy, Begun::Used)),
        }
    }

    async fn keep_nonce(&self, source: &str, nonce: &Hash, used: &Used) -> Result<bool, QueueError> {
        let (source, nonce, used, now) = (source.to_owned(), nonce.to_vec(), used.clone(), self.now());
        self.call(move |session| {
            let content = used.content.to_vec();
            session.run(KEEP, (source.as_str(), nonce.clone(), content.clone(), used.answer, now))?;
            Ok(!session.rows(IS_SAME, (source.as_str(), nonce, content), |_| Ok(()))?.is_empty())
        })
        .await
    }

    async fn leave_nonce(&self, source: &str, nonce: &Hash, taken: &Taken) -> Result<(), QueueError> {
        let row = (source.to_owned(), nonce.to_vec(), taken.content.to_vec(), taken.at);
        self.call(move |session| session.run(LEAVE, row)).await.map(drop)
    }

    async fn nonce_sources(&self) -> Result<Vec<String>, QueueError> {
        self.call(|session| session.rows(nonces::SOURCES, (), |row| row.get::<String>(0))).await
    }

    async fn prune_nonces(&self, source: &str, age: Duration) -> Result<u64, QueueError> {
        let before = self.now().saturating_sub(time::span(age));
        let mut pruned = 0;
        loop {
            let source = source.to_owned();
            let slice = self.call(move |session| session.run(PRUNE, (source, before, PRUNE_SLICE))).await?;
            pruned += slice;
            if slice < PRUNE_SLICE.unsigned_abs() {
                return Ok(pruned);
            }
        }
    }
}
