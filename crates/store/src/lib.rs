//! State in two homes, an embedded file (libsql) and Postgres, behind the traits that others declare:
//! `outbox::Queue` for the delivery engine, `worker::Claims` for handlers without rows
//! `worker::Brakes` for what stays halted, `worker::Progress` for services with state. What only services ask for is
//! declared here: [`Registrations`], [`Nonces`].
//!
//! Both homes keep the same tables under the same names:
//!
//! | table | holds |
//! |---|---|
//! | `router_effects` | what was claimed and how it ended; unique (service, event, target, replay), kept for the retention |
//! | `router_parcels` | what is still to be delivered, with its content; a finished parcel leaves |
//! | `router_lanes` | per service, target and subject with unfinished parcels: the first of them, its lease, when it is due |
//! | `router_brakes` | which service is halted and why, and what its fuse has counted |
//! | `router_progress` | how far state services have come: next offset, epoch, fingerprint of the last record |
//! | `router_state`, `router_outgoing`, `router_relays` | what they keep, what they have for Kafka, who relays it |
//! | `router_windows`, `router_secrets`, `router_nonces` | when sources may register, the secrets that they brought (sealed), values that were used once |
//! | `router_members`, `router_holds` | who is alive and who delivers for which target |
//!
//! History is written once and only grows by narrow rows; everything that is looked up while delivering lives in the
//! tables of unfinished work, so the cost of a delivery does not depend on how much was delivered before.
//!
//! One suite (`src/tests/suite`) runs on both homes.

mod address;
mod embedded;
mod error;
mod gateway;
pub mod ground;
mod later;
mod look;
mod nonces;
mod observe;
mod packing;
mod postgres;
mod progress;
mod registrations;
mod seal;
mod shares;
mod state;
mod store;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
mod time;
mod trial;

#[cfg(test)]
mod tests;

pub use address::check_url;
pub use error::StoreError;
pub use later::Later;
pub use look::{Look, look};
pub use nonces::{Begun, Hash, Nonces, Taken, Used};
pub use outbox::QueueError;
pub use registrations::{Learnt, Registered, Registrations, Sealed};
pub use seal::{Opened, Seal, SealError};
pub use state::State;
pub use store::Store;
pub use time::Time;
pub use trial::Trial;
