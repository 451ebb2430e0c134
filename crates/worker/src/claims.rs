//! Effects that must not be repeated, for handlers that plan no rows. Implemented by `store`.

use async_trait::async_trait;
use uuid::Uuid;

/// The memory of effects: unique by service, event, target and replay, none of them ever null.
#[async_trait]
pub trait Claims: Send + Sync + 'static {
    /// Inserts the effect. True: it is ours now, durably. False: it was claimed before, by whomever.
    /// `replay_id` is empty for live traffic.
    async fn claim(
        &self,
        service: &str,
        event_id: Uuid,
        target: &str,
        replay_id: &str,
    ) -> Result<bool, ClaimError>;
}

/// The store did not answer; whether the claim is there is unknown. Passing: ask again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("claim was not confirmed: {0}")]
pub struct ClaimError(pub String);
