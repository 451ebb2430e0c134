//! The warehouse: group `okr.warehouse` writes `okr.events` to a SQL database, each event once, with the state of each
//! subject and the offsets in the same transaction.
//!
//! [`open`] gives the home of a [`Place`]; it is the `progress` of a [`worker::BatchWorker`] whose handler is [`Intake`],
//! and [`run`] is all of it as a service.
//! What homes promise stands at [`Target`].

mod config;
mod embedded;
mod entry;
mod handler;
pub mod migrate;
mod open;
mod postgres;
mod service;
mod sift;
mod status;
mod subjects;
mod target;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod views;

pub use config::{KEYS, WarehouseConfig};
pub use entry::{Entry, TooEarly, subject_uid};
pub use handler::Intake;
pub use open::{OpenError, Place, SCHEMA, Tables, check_url, open};
pub use service::{Context, run};
pub use status::{Stand, Status, status};
pub use target::Target;

/// What the warehouse reads.
pub const TOPIC: &str = "okr.events";
/// The consumer group.
pub const GROUP: &str = "okr.warehouse";
/// Names the service in health checks, metrics and dead letters.
pub const SERVICE: &str = "warehouse";
