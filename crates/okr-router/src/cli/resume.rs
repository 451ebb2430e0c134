//! `okr-router resume`: what it takes.

use clap::{Args, builder::PossibleValuesParser};

use super::Output;

/// Services that consume, and so may halt.
pub const SERVICES: &[&str] = &["notifier", "warehouse"];

#[derive(Debug, Args)]
pub struct Resume {
    /// The service that is to go on
    #[arg(value_name = "SERVICE", value_parser = PossibleValuesParser::new(SERVICES))]
    pub service: String,
    /// Do it; without this flag the command only shows what is halted, and why
    #[arg(long)]
    pub apply: bool,
    /// Give up the records that are gone unread, or the topic that was made anew: each partition that is shown begins
    /// again with the earliest record that it has now. Only a service that keeps state, the warehouse, has such
    /// gaps
    #[arg(long)]
    pub accept_gap: bool,
    /// Why, in your own words; kept in okr.audit
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Who you are; kept in okr.audit [default: $USER]
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
    #[command(flatten)]
    pub output: Output,
}
