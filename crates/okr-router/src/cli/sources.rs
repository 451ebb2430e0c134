//! `okr-router sources`: what a configured source makes of a body.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Subcommand)]
pub enum Sources {
    /// Show what a source makes of a body: verification, every expression's value, and the events
    ///
    /// Nothing is sent and nothing is stored. Exits 0 only if the gateway would accept the body as it is shown here.
    /// Without the source's secrets the verification is left out, and the mapping is shown all the same.
    Try(Try),
}

#[derive(Debug, Args)]
pub struct Try {
    /// The source of the configuration [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// The body as the tool sends it, byte for byte; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// A header of the request, such as --header 'X-Request-Id: 7'; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub headers: Vec<(String, String)>,
    /// Sign the body as the tool would, with the first secret
    #[arg(long)]
    pub sign: bool,
    /// The clock of the gateway, for a delivery that was signed before [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<jiff::Timestamp>,
    #[command(flatten)]
    pub output: Output,
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        }
        _ => Err("write it as NAME: VALUE, such as 'X-Request-Id: 7'".to_owned()),
    }
}
