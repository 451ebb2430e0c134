#![doc = include_str!("../README.md")]
//!
//! All decisions are made in `partitions` and `batches`, which are pure; [`run`] and [`run_batches`] feed them from
//! Kafka and do what they ask.

mod ages;
mod batch;
mod batch_member;
mod batch_runtime;
mod batches;
mod brakes;
mod budget;
mod claims;
mod config;
mod faults;
mod feed;
mod fuse;
mod gaps;
mod handler;
mod health;
mod job;
mod keeper;
mod lanes;
mod ledger;
mod letters;
mod lookout;
mod observe;
mod owner;
mod partitions;
mod progress;
pub mod readiness;
mod relay;
mod retry;
mod runtime;
mod tally;
mod traces;
mod watchdog;
mod work;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use batch::{BatchHandler, Effects};
pub use batch_runtime::{BatchWorker, run_batches};
pub use brakes::{Brake, BrakeError, Brakes, Halted};
pub use claims::{ClaimError, Claims};
pub use config::{BatchConfig, FuseConfig, KEYS, RetryConfig, WorkerConfig};
pub use gaps::Gap;
pub use handler::{Failure, Handler};
pub use letters::{DeadLetters, Letters};
pub use progress::{Batch, Fingerprint, Last, Mark, Outgoing, Progress, ProgressError, Standing};
pub use relay::Outlet;
pub use runtime::{Worker, WorkerError, run};
