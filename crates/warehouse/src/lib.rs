//! The warehouse: group `okr.warehouse` writes `okr.events` to a SQL database, each event once, with the state of each
//! subject and the offsets in the same transaction.
//!
//! [`open`] gives the home of a [`Place`]; it is the `progress` of a [`worker::BatchWorker`] whose handler is [`Intake`],
//! and [`run`] is all of it as a service.
//! What homes promise stands at [`Target`].

mod config;
mod embedded;
mod entry;
mod erasures;
mod forget;
mod handler;
pub mod migrate;
mod naming;
mod observe;
mod open;
mod postgres;
pub mod rebuild;
mod recall;
mod retention;
mod room;
mod service;
mod sift;
mod status;
mod steps;
mod subjects;
mod sweep;
mod target;
#[cfg(test)]
mod tests;
mod trial;

pub use config::{KEYS, WarehouseConfig};
pub use entry::{Entry, Unfit, subject_uid};
pub use erasures::{Erasure, Erasures};
pub use forget::{Forget, Person, has_leftovers, list};
pub use handler::Intake;
pub use open::{OpenError, Place, SCHEMA, Tables, check_url, open};
pub use retention::notes_since;
pub use service::{Context, run};
pub use status::{Stand, Status, status};
pub use sweep::{People, Rule, Swept, Tally};
pub use target::{Target, Turn};
pub use trial::{Copied, Onlooker, Trial};

/// What the warehouse reads.
pub const TOPIC: &str = "okr.events";
/// The consumer group.
pub const GROUP: &str = "okr.warehouse";
/// Names the service in health checks, metrics and dead letters.
pub const SERVICE: &str = "warehouse";
