//! The channels: each one's protocol, limits and rule of success, contained.
//!
//! A destination keeps no state and decides nothing: `outbox` says what is sent, when, and what a refusal leads to.
//! Adding a channel is a file that implements [`outbox::Destination`], a line in the catalog, and the conformance
//! suite passed.

mod catalog;
mod config;
mod hook;
mod http;
mod slack;
mod terminal;

#[cfg(test)]
mod tests;

pub use catalog::{build, catalog, check};
pub use config::{DestinationConfig, DestinationError, KEYS};
