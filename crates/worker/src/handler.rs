//! What a service implements.

use std::time::Duration;

use async_trait::async_trait;
use bus::InRecord;

/// What a record means to a service.
///
/// Both methods may be called for several records at a time, but never for two of one key. A record may come again:
/// after a crash, a rebalance, a failure. What is done twice must do no harm (see [`crate::Claims`]).
/// A panic is caught and rejects the record with the reason `panic`.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// A decoded record.
    type Item: Send + Sync + 'static;

    /// Reads the record. Asked again after a Retry, never again after success.
    async fn decode(&self, record: &InRecord) -> Result<Self::Item, Failure>;

    /// Does the work. `Ok` means that nothing of it can be lost any more: the record's offset may be committed.
    /// `attempt` is 1 at first and counts only failures that use attempts up.
    async fn handle(&self, item: &Self::Item, record: &InRecord, attempt: u32) -> Result<(), Failure>;
}

/// Why a record is not finished, cut by what the runtime should do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// May pass by itself: the record waits in its lane while other lanes go on.
    #[error("not yet ({reason}): {error}")]
    Retry {
        /// Not before this long from now.
        after: Option<Duration>,
        /// A label of a small closed set.
        reason: &'static str,
        error: String,
        /// Uses no attempts up: the registry or the store is down, which is not the record's fault.
        endless: bool,
    },
    /// Can never succeed: dead-lettered now.
    #[error("rejected ({reason}): {error}")]
    Reject { reason: &'static str, error: String },
    /// Nothing can succeed until a person acts: consuming stops, the process lives, /readyz says why.
    #[error("halted ({reason}): {error}")]
    Halt { reason: &'static str, error: String },
}

impl Failure {
    /// A failure that may pass and uses an attempt up.
    pub fn retry(reason: &'static str, error: impl ToString) -> Self {
        Self::Retry { after: None, reason, error: error.to_string(), endless: false }
    }

    /// A failure that is repeated until it passes: something that every record needs is down.
    pub fn wait(reason: &'static str, error: impl ToString) -> Self {
        Self::Retry { after: None, reason, error: error.to_string(), endless: true }
    }

    /// A failure that cannot pass.
    pub fn reject(reason: &'static str, error: impl ToString) -> Self {
        Self::Reject { reason, error: error.to_string() }
    }

    /// A failure that a person must end.
    pub fn halt(reason: &'static str, error: impl ToString) -> Self {
        Self::Halt { reason, error: error.to_string() }
    }

    /// The label for metrics and dead letters; it never carries data.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Retry { reason, .. } | Self::Reject { reason, .. } | Self::Halt { reason, .. } => reason,
        }
    }
}
