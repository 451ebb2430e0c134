//! `okr-router warehouse`: what its verbs take.

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Subcommand)]
pub enum Warehouse {
    /// Make the warehouse's tables and views, or bring them up to date
    ///
    /// Without --apply this shows which steps are missing and changes nothing. Steps go forward alone and destroy nothing;
    /// all that are missing are applied in one transaction. A warehouse that a newer release has migrated is refused.
    Migrate(Migrate),
}

#[derive(Debug, Args)]
pub struct Migrate {
    /// Do it; without this flag the command only shows what it would do
    #[arg(long)]
    pub apply: bool,
    #[command(flatten)]
    pub output: Output,
}
