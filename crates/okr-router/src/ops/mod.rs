//! The commands: each does one thing and ends. Data to stdout, words to stderr.

mod acls;
mod audit;
pub mod bench;
pub mod config;
pub mod dead;
pub mod doctor;
mod pile;
pub mod resume;
pub mod schemas;
pub mod send;
pub mod sources;
pub mod spec;
pub mod tail;
pub mod topics;
pub mod warehouse;

use std::{
    future::Future,
    io::{ErrorKind, Write},
};

use anyhow::{Context, Result};

/// Writes data to stdout at once; `false` means that whoever read it has had enough, as in `… | head -1`.
fn put(text: &str) -> Result<bool> {
    put_into(&mut std::io::stdout().lock(), text)
}

fn put_into(out: &mut impl Write, text: &str) -> Result<bool> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("stdout was not written"),
    }
}

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

#[cfg(test)]
mod tests;
