//! What keeps a service halted across restarts, until a person lets it go on. Implemented by `store`.

use async_trait::async_trait;
use bus::Slot;
use jiff::Timestamp;

use crate::gaps::Gap;

/// A service that stands still until a person acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halted {
    /// What `/readyz` says: the reason and the error of the halt.
    pub why: String,
    /// When it began.
    pub since: Timestamp,
}

/// What a service remembers of its own failures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brake {
    /// None while it may go on.
    pub halted: Option<Halted>,
    /// The fuse's memory, so that a process that dies early does not begin to count anew; empty for a fresh one.
    pub fuse: Vec<u8>,
}

/// The memory of halts and fuses, one per service. All members of a service share it: where one halts, all do.
#[async_trait]
pub trait Brakes: Send + Sync + 'static {
    /// What is known of `service`; the default when nothing is.
    async fn load(&self, service: &str) -> Result<Brake, BrakeError>;

    /// Keeps what it says, durably. A halt that is there stays, with its own reason: only [`Brakes::resume`] ends one.
    async fn save(&self, service: &str, brake: &Brake) -> Result<(), BrakeError>;

    /// Ends the halts of `service` and of its further consumers (`<service>.replay`), and forgets what their fuses
    /// counted and the gaps that nobody has accepted; answers what was halted, by name. Members that run notice within
    /// seconds, others when they start.
    async fn resume(&self, service: &str) -> Result<Vec<(String, Halted)>, BrakeError>;

    /// Keeps gaps of a state service, durably, for a person to accept. One of a slot that has another one takes its
    /// place; the same one again changes nothing.
    async fn note_gaps(&self, service: &str, gaps: &[Gap]) -> Result<(), BrakeError>;

    /// The gaps of `service`, by slot: those that a person has accepted, or those that nobody has.
    async fn gaps(&self, service: &str, accepted: bool) -> Result<Vec<Gap>, BrakeError>;

    /// A person accepts all gaps of `service` that are kept: where the state still stands before one of them, its slot
    /// begins anew with the earliest record that is there, once. Answers those that nobody had accepted before.
    async fn accept_gaps(&self, service: &str) -> Result<Vec<Gap>, BrakeError>;

    /// What a person has accepted of these slots is spent: each of them begins anew, or stands elsewhere. Told before
    /// anything of them is read, so that what is lost later, at whatever offset, is another gap. A memory of progress
    /// in the same database has done so already.
    async fn spend_gaps(&self, service: &str, slots: &[Slot]) -> Result<(), BrakeError>;
}

/// The store did not answer; whether it was kept is unknown. Passing: ask again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("state of the brakes was not confirmed: {0}")]
pub struct BrakeError(pub String);
