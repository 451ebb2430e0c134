//! `okr-router config`: check, print, describe.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    check,
    cli::{Config, SchemaFormat, Settings},
    config::{self, Reader},
    parts,
};

/// Does what the verb says.
pub fn run(settings: &Settings, verb: &Config) -> Result<ExitCode> {
    match verb {
        Config::Check => {
            let whole = config::read(settings, Reader::Command)?;
            check::all(&whole)?;
            for section in whole.document.unbuilt() {
                eprintln!("[{section}] is configured, but this release has nothing that reads it");
            }
            for path in whole.document.literals() {
                if !config::may_be_literal(&whole.document, &path) {
                    eprintln!("`{path}` is written out, which only `dev` allows");
                }
            }
            for doubt in parts::doubts(&whole)? {
                eprintln!("{doubt}");
            }
            super::put(&format!("{} is in order\n", whole.origin))?;
        }
        Config::Print => {
            let whole = config::read(settings, Reader::Command)?;
            // The default has comments for whoever begins with it, but knows nothing of the environment and --set.
            let as_it_is = whole.is_default && !whole.document.is_overlaid();
            let printed = if as_it_is { config::DEV_DEFAULT.to_owned() } else { whole.document.print() };
            super::put(&printed)?;
        }
        Config::Schema(output) => {
            let keys = config::keys();
            let shown = match output.format {
                SchemaFormat::Json => serde_json::to_string_pretty(&boot::schema(&keys))? + "\n",
                SchemaFormat::Markdown => boot::table(&keys),
            };
            super::put(&shown)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
