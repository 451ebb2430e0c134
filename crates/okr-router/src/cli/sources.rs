//! `okr-router sources`: what a configured source makes of a body, and what it has learned.

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
    /// Show the configured sources: their doors, which are open for registration, and how many secrets each has learned
    ///
    /// A source of kind `asana` brings its secrets itself, in a handshake that is answered only while it is open.
    List(Output),
    /// Let a source register: for a while, a handshake of it teaches the gateways its secret
    ///
    /// Open it right before you create the webhooks in the tool, and look at `sources list` afterwards. Without --apply this
    /// only shows how it stands. An embedded store is asked through the process that holds it.
    Open(Open),
    /// Forget the secrets that a source has learned, and close it
    ///
    /// Its webhooks are refused from then on, until it is opened and they are created anew. Configured secrets stay.
    /// Without --apply this only shows how many there are.
    Forget(Forget),
}

#[derive(Debug, Args)]
pub struct Open {
    /// The source of the configuration
    #[arg(value_name = "NAME")]
    pub source: String,
    /// For how long, up to 24h
    #[arg(long = "for", value_name = "SPAN", default_value = "10m")]
    pub span: boot::Span,
    #[command(flatten)]
    pub deed: Deed,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Forget {
    /// The source; one that is not configured any more may be named as well
    #[arg(value_name = "NAME")]
    pub source: String,
    #[command(flatten)]
    pub deed: Deed,
    #[command(flatten)]
    pub output: Output,
}

/// Who does it, and why.
#[derive(Debug, Args)]
pub struct Deed {
    /// Do it; without this flag the command only shows what it would do
    #[arg(long)]
    pub apply: bool,
    /// Why, in your own words; kept in okr.audit
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Who you are; kept in okr.audit [default: $USER]
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
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
