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

/// A value that one member took for a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub(crate) content: Hash,
    /// When, by the clock that decides. Whoever takes it again moves it on.
    pub(crate) at: i64,
}

/// What came of an attempt to use a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is taken for this body, and nobody else is at it: whoever took it may leave it.
    Taken(Taken),
    /// It is taken for this body, which may be on its way elsewhere too: nobody leaves it any more.
    Shared,
    /// It was used before, for this body or for another one.
    Used(Used),
    /// It is taken for another body, whose outcome is not known yet.
    Busy,
}

/// The values that were used, by source. All members see the same.
///
/// A value is taken for a body, and then kept, or left if nothing came of it. Nobody else uses it meanwhile, so of two
/// bodies with one value, at two members at the same moment, one gets through. What was taken more than once for the same
/// body is not left: what came of one says nothing of the others.
#[async_trait]
pub trait Nonces: Send + Sync {
    /// What this value was used for, if it was.
    async fn used(&self, source: &str, nonce: &Hash) -> Result<Option<Used>, QueueError>;

    /// Takes a value for a body with this hash. Taken for the same body, it is shared; taken longer than `taken_max` ago,
    /// nothing is on its way with it any more, and it is free.
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

    /// Leaves what was taken, unless it was kept, or taken by anybody since: nothing came of it.
    async fn leave_nonce(&self, source: &str, nonce: &Hash, taken: &Taken) -> Result<(), QueueError>;

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
