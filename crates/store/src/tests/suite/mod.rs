//! What both homes promise. Each function is called by both, with an empty store.

pub(super) mod brakes;
pub(super) mod claims;
pub(super) mod gaps;
pub(super) mod holds;
pub(super) mod lanes;
pub(super) mod nonces;
pub(super) mod planning;
pub(super) mod progress;
pub(super) mod pruning;
pub(super) mod registrations;
