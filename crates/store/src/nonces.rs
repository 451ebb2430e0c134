//! Values that a sender may use once. Only the gateway asks for them, so they are declared here.

use std::time::Duration;

use async_trait::async_trait;
use outbox::QueueError;

/// A hash: of the value, or of a body.
pub type Hash = [u8; 32];

/// What a value was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Hash of the body that came with it.
    pub content: Hash,
    /// What its sender was told; means nothing here.
    pub answer: Vec<u8>,
}

/// What came of an attempt to use a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is taken for this body.
    Taken,
    /// It was used before, for this body or for another one.
    Used(Used),
    /// It is taken for another body, whose outcome is not known yet.
    Busy,
}

/// The values that were used, by source. All members see the same.
///
/// A value is taken for a body, and then kept, or left if nothing came of it. Nobody else uses it meanwhile, so of two
/// bodies with one value, at two members at the same moment, one gets through.
#[async_trait]
pub trait Nonces: Send + Sync {
    /// What this value was used for, if it was.
    async fn used(&self, source: &str, nonce: &Hash) -> Result<Option<Used>, QueueError>;

    /// Takes a value for a body with this hash. Taken for the same body, it is taken again; taken for another one longer
    /// than `taken_max` ago, it was forgotten there, by a member that is no more.
    async fn take_nonce(
        &self,
        source: &str,
        nonce: &Hash,
        content: &Hash,
        taken_max: Duration,
    ) -> Result<Begun, QueueError>;

    /// Keeps a used value, whose answer is not empty. One that is kept already stays as it is: false, if it was for
    /// another body, or is taken for one.
    async fn keep_nonce(&self, source: &str, nonce: &Hash, used: &Used) -> Result<bool, QueueError>;

    /// Leaves a value that is taken for this body and not kept: nothing came of it.
    async fn leave_nonce(&self, source: &str, nonce: &Hash, content: &Hash) -> Result<(), QueueError>;

    /// The sources of which there are values.
    async fn nonce_sources(&self) -> Result<Vec<String>, QueueError>;

    /// Forgets the source's values that were kept longer than `age` ago; answers how many.
    async fn prune_nonces(&self, source: &str, age: Duration) -> Result<u64, QueueError>;
}

/// The sources, by one step of the primary key each: there are few sources, and many values.
pub(crate) const SOURCES: &str = "WITH RECURSIVE found(source) AS (
    SELECT min(source) FROM router_nonces
    UNION ALL
    SELECT (SELECT min(source) FROM router_nonces WHERE source > found.source) FROM found WHERE source IS NOT NULL)
    SELECT source FROM found WHERE source IS NOT NULL";

/// What a row says: none, as long as it is only taken.
pub(crate) fn read(content: &[u8], answer: Vec<u8>) -> Result<Option<Used>, QueueError> {
    if answer.is_empty() {
        return Ok(None);
    }
    let content = content
        .try_into()
        .map_err(|_| QueueError::Broken("a used value has no hash of its body".to_owned()))?;
    Ok(Some(Used { content, answer }))
}
