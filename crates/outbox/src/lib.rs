//! The delivery engine: what a service planned for its targets is delivered here, at least once and in order.
//!
//! A service plans parcels ([`Engine::plan`]); each becomes one row of a [`Queue`]. For every target one task holds
//! the target's lease, takes due rows, delivers them through a [`Destination`] and marks them. A target that hangs,
//! refuses or is dead delays no other. The only window in which a delivery can be repeated is between the remote's
//! acceptance and our mark: a process that ends in it never marks, and one that gets no answer (a time-out, a broken
//! connection) cannot know. Each attempt that may repeat one for this counts in `okr_outbox_ambiguous_total`.

mod appetite;
mod breaker;
mod bury;
mod clerk;
mod config;
mod crew;
mod deliver;
mod destination;
mod engine;
mod holder;
mod observe;
mod parcel;
mod queue;
mod rate;
mod record_copy;
mod schedule;
mod target;
mod traces;
mod unmarked;
mod upkeep;
mod vigil;

#[cfg(test)]
mod tests;

pub use bury::DeadLetters;
pub use config::{BreakerConfig, KEYS, OutboxConfig};
pub use destination::{Destination, Form, Refusal, Shipment};
pub use engine::{Engine, EngineError, EngineOptions};
pub use parcel::{Content, Effect, Parcel};
pub use queue::{Depth, Outcome, Planned, Queue, QueueError, Row, Settlement, Take, Want};
pub use record_copy::{RecordCopy, UnpackError};
