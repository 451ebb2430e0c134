//! `okr-router warehouse`: what its verbs take.

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Args)]
pub struct Run {
    /// Left out, the role runs
    #[command(subcommand)]
    pub verb: Option<Warehouse>,
}

#[derive(Debug, Subcommand)]
pub enum Warehouse {
    /// Make the warehouse's tables and views, or bring them up to date
    ///
    /// Without --apply this shows which steps are missing and changes nothing. Steps go forward alone and destroy nothing;
    /// all that are missing are applied in one transaction. A warehouse that a newer release has migrated is refused.
    Migrate(Migrate),
    /// Show what the warehouse holds and how far it has come, partition by partition
    ///
    /// Reads only, beside whoever writes. A partition whose records are gone unread, or that was made anew, is a gap:
    /// there must be none, and with one it exits 1.
    Status(Output),
}

#[derive(Debug, Args)]
pub struct Migrate {
    /// Do it; without this flag the command only shows what it would do
    #[arg(long)]
    pub apply: bool,
    #[command(flatten)]
    pub output: Output,
}
