//! What sources bring by themselves: secrets that they offer in a handshake, and when they may. Only the gateway and the
//! ops commands ask for it, so it is declared here.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use outbox::QueueError;

/// A secret that a source brought, as it is kept; see [`crate::Seal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The same for the same secret of the same source under the same key.
    pub id: String,
    /// What only the key opens.
    pub bytes: Vec<u8>,
}

/// What is kept of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registered {
    /// The source's name.
    pub source: String,
    /// How much longer it may register; none when its window is closed.
    pub open_for: Option<Duration>,
    /// What it brought and when, the oldest first.
    pub secrets: Vec<(Sealed, Timestamp)>,
}

/// What became of an offered secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learnt {
    /// It is kept, or was before.
    Kept,
    /// The source's window is closed.
    Closed,
    /// The source has as many as it may have.
    Full,
}

/// Windows of registration, and the secrets that came through them. All members see the same.
#[async_trait]
pub trait Registrations: Send + Sync {
    /// Everything that is kept: sources with an open window or with secrets, by name.
    async fn registered(&self) -> Result<Vec<Registered>, QueueError>;

    /// From now on, and for `span`, the source may register. Another window of it ends.
    async fn open_window(&self, source: &str, span: Duration) -> Result<(), QueueError>;

    /// Keeps a secret if the source's window is open and it has fewer than `most` others. Durable once it is answered.
    async fn learn(&self, source: &str, sealed: &Sealed, most: usize) -> Result<Learnt, QueueError>;

    /// Replaces a secret by the same one, sealed anew; its time stays. Nothing happens when it is gone.
    async fn reseal(&self, source: &str, before: &str, sealed: &Sealed) -> Result<(), QueueError>;

    /// Forgets the source's secrets and closes its window; answers how many secrets there were.
    async fn forget(&self, source: &str) -> Result<u64, QueueError>;
}
