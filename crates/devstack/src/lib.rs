//! What a laptop needs instead of a Kafka cluster and a schema registry.
//!
//! Both are parts behind one small trait, so that either can be exchanged for the real thing or for another
//! implementation. The registry is ours; the broker is nisshi on a SQLite file, behind the feature `embedded`.
//! Both keep what they acknowledged through a `kill -9`.

#[cfg(feature = "embedded")]
mod broker;
#[cfg(feature = "embedded")]
mod fetch;
mod file;
#[cfg(feature = "embedded")]
mod node;
mod part;
mod registry;

#[cfg(feature = "embedded")]
pub use broker::broker;
pub use part::{Options, Part, PartError};
pub use registry::registry;
