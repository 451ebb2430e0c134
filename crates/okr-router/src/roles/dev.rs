//! `okr-router dev`: everything in one process.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::Settings;

/// Runs until Ctrl-C or SIGTERM.
#[cfg(feature = "embedded")]
pub fn run(settings: &Settings) -> Result<ExitCode> {
    super::embedded::run(settings)
}

/// Says why there is none.
#[cfg(not(feature = "embedded"))]
pub fn run(_settings: &Settings) -> Result<ExitCode> {
    anyhow::bail!(
        "this binary was built without the embedded broker, so it has no `dev`: build it with \
         `cargo build --ignore-rust-version --package okr-router --features embedded`, or run the roles \
         `gateway` and `notifier` on a Kafka of your own"
    )
}
