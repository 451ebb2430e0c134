//! `okr-router spec`: the gateway in OpenAPI, the topics in AsyncAPI.

mod asyncapi;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::spec::Spec;

/// The version that the documents state.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints one document.
pub fn run(which: Spec) -> Result<ExitCode> {
    super::put(&document(which)?)?;
    Ok(ExitCode::SUCCESS)
}

fn document(which: Spec) -> Result<String> {
    let document = match which {
        Spec::Openapi => gateway::openapi(VERSION),
        Spec::Asyncapi => asyncapi::document(VERSION)?,
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

#[cfg(test)]
mod tests;
