//! What goes on Kafka: Avro by the schemas in `schemas/`, in the Confluent frame, with ids from a schema registry.
//!
//! A record of today's schema is written and read without an intermediate value; one of any other version is resolved
//! to today's by Avro's rules. Nothing is registered on the way: only [`Registry::register`] does that.

mod admin;
mod alone;
mod arrival;
mod audit;
mod compatibility;
mod decoder;
mod encoder;
mod error;
mod frame;
mod inline;
mod misfit;
mod observe;
mod pending;
mod positional;
mod reader;
mod registry;
mod released;
mod schema;
mod unknown;

pub use admin::{FULL_TRANSITIVE, Fit, Standing};
pub use alone::alone;
pub use arrival::{Arrival, ArrivalRef};
pub use audit::{Audit, Stage, Verb};
pub use compatibility::compatible;
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::WireError;
pub use pending::Pending;
pub use registry::Registry;
pub use released::{Against, Finding, RELEASED, Released};
pub use schema::{ARRIVAL, AUDIT, OKR_EVENT, PENDING, SUBJECTS, Subject};

#[cfg(test)]
mod tests;
