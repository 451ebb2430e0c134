//! Where `tests/setup` puts what it fetched.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

/// The path of one fetched thing, such as `kafka-4.3.1/libs`; an error names the command that fetches it.
pub fn fetched(name: &str) -> Result<PathBuf> {
    let home = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    let path = home.join("okr-router").join(name);
    ensure!(path.exists(), "{} is missing: run tests/setup first", path.display());
    Ok(path)
}
