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

/// The values that were used, by source. All members see the same.
#[async_trait]
pub trait Nonces: Send + Sync {
    /// What this value was used for, if it was.
    async fn used(&self, source: &str, nonce: &Hash) -> Result<Option<Used>, QueueError>;

    /// Keeps a used value. One that is kept already stays as it is: false, if it was for another body.
    async fn keep_nonce(&self, source: &str, nonce: &Hash, used: &Used) -> Result<bool, QueueError>;

    /// Forgets the source's values that were kept longer than `age` ago; answers how many.
    async fn prune_nonces(&self, source: &str, age: Duration) -> Result<u64, QueueError>;
}

/// What a row says.
pub(crate) fn read(content: &[u8], answer: Vec<u8>) -> Result<Used, QueueError> {
    let content = content
        .try_into()
        .map_err(|_| QueueError::Broken("a used value has no hash of its body".to_owned()))?;
    Ok(Used { content, answer })
}
