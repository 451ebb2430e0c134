//! Log lines on stderr, for people or for programs.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::{BoxError, LogConfig, LogFormat};

/// Libraries that tell more than an operator wants to know; a filter of one's own may name them again.
const QUIETED: &str = "nisshi=warn,nisshi_broker=warn,nisshi_storage=warn,rama=warn";

/// What is logged when the configuration says nothing.
const DEFAULT: &str = "info";

/// Starts logging to stderr. Once something logs in this process, another call changes nothing.
///
/// Fails if `[log] filter` cannot be read.
pub fn logs(config: &LogConfig) -> Result<(), BoxError> {
    let filter = filter(config.filter.as_deref())?;
    // Whoever read our words may be gone. To complain about that on stderr, too, would end the task that had something
    // to say.
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).log_internal_errors(false);
    let lines = lines.with_env_filter(filter);
    // An error only says that something logs already, as in tests: that is the promise above.
    let _ = match config.format {
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).compact().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
    Ok(())
}

fn filter(given: Option<&str>) -> Result<EnvFilter, BoxError> {
    let given = given.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(DEFAULT);
    let read = EnvFilter::builder().parse(format!("{QUIETED},{given}"));
    read.map_err(|error| format!("`[log] filter` cannot be read ({error}): {given}").into())
}

#[cfg(test)]
mod tests;
