//! Values that were used once.

use std::time::Duration;

use async_trait::async_trait;
use outbox::QueueError;

use super::{Embedded, PRUNE_SLICE};
use crate::{Hash, Nonces, Used, nonces, time};

const USED: &str = "SELECT content, answer FROM router_nonces WHERE source = ?1 AND nonce = ?2";

const KEEP: &str =
    "INSERT INTO router_nonces (source, nonce, content, answer, used_at) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT DO NOTHING";

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
        rows.into_iter().next().map(|(content, answer)| nonces::read(&content, answer)).transpose()
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
