//! The commands: each does one thing and ends. Data to stdout, words to stderr.

pub mod config;
pub mod schemas;
pub mod send;
pub mod tail;
pub mod topics;

use std::future::Future;

use anyhow::{Context, Result};

/// Runs a command's work on a small runtime.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("the async runtime did not start")?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}
