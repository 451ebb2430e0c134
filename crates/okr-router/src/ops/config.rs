//! `okr-router config`: check, print, describe.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    check,
    cli::{Config, SchemaFormat, Settings},
    config::{self, Reader},
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
            println!("{} is in order", whole.origin);
        }
        Config::Print => {
            let whole = config::read(settings, Reader::Command)?;
            match whole.is_default {
                true => print!("{}", config::DEV_DEFAULT),
                false => print!("{}", whole.document.print()),
            }
        }
        Config::Schema(output) => match output.format {
            SchemaFormat::Json => {
                println!("{}", serde_json::to_string_pretty(&boot::schema(&config::keys()))?)
            }
            SchemaFormat::Markdown => print!("{}", boot::table(&config::keys())),
        },
    }
    Ok(ExitCode::SUCCESS)
}
