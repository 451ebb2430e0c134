//! The consumer runtime: a handler says what a record means, this crate does everything else.
//!
//! Records of one key are handled one after the other and in order, different keys at the same time. What fails is
//! tried again, given up into a dead letter, or halts the role, as the handler's [`Failure`] says. No offset is
//! committed past an unfinished record, unfinished work is bounded, and the poll never waits for work.
//!
//! All decisions are made in `partitions`, which is pure; [`run`] feeds it from Kafka and does what it asks.

mod brakes;
mod budget;
mod claims;
mod config;
mod faults;
mod feed;
mod fuse;
mod handler;
mod health;
mod job;
mod keeper;
mod lanes;
mod ledger;
mod letters;
mod observe;
mod owner;
mod partitions;
mod retry;
mod runtime;
mod work;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use brakes::{Brake, BrakeError, Brakes, Halted};
pub use claims::{ClaimError, Claims};
pub use config::{FuseConfig, KEYS, RetryConfig, WorkerConfig};
pub use handler::{Failure, Handler};
pub use letters::DeadLetters;
pub use runtime::{Worker, WorkerError, run};
