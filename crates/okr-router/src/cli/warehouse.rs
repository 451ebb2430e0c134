//! `okr-router warehouse`: what its verbs take.

use clap::{Args, Subcommand};

use super::{Output, dead::Deed};

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
    /// Take a person out of the warehouse, and keep them out
    ///
    /// Without --apply this counts what would go and changes nothing. Owner and manager go as a whole where any of their
    /// words is one of --person; whoever did something goes with the note that they wrote; and what has an address of
    /// theirs in it. What mentions them otherwise is counted, by column. What comes later, or comes again, is written by
    /// the same rule, for a salted hash of each word stays. Then it says what Kafka still holds, and until when. Cut off in
    /// the middle, the same command does the rest.
    Forget(Forget),
    /// Fill the warehouse's tables anew from okr.events, while members go on, and exchange them at once
    ///
    /// Without --apply this shows what is there to read, and why it would be refused, and changes nothing. A new generation
    /// of the tables is filled beside the live ones; then they change places in one transaction, and members go on where
    /// they stand. Rights, indexes and views come along. Rows whose records Kafka no longer has, or that this release takes
    /// for no rows, would be gone: that needs --accept-loss. On PostgreSQL members go on meanwhile; an embedded file is free
    /// only while its role is stopped. What is cut off is begun anew by the next one.
    Rebuild(Rebuild),
}

#[derive(Debug, Args)]
pub struct Rebuild {
    /// Give up rows whose records the topic no longer has, or that are no rows any more
    #[arg(long)]
    pub accept_loss: bool,
    /// Only take away what a rebuild has left that was killed; noted in okr.audit where there was something
    #[arg(long, conflicts_with_all = ["apply", "accept_loss"])]
    pub abandon: bool,
    #[command(flatten)]
    pub deed: Deed,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Forget {
    /// An e-mail address, a name or an id, as events have it; give each that is known
    #[arg(long = "person", value_name = "WHO", required_unless_present_any = ["export", "import"])]
    pub persons: Vec<String>,
    /// Only where the subject is of this namespace; ids of two tools may mean two people
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Also give up fields that have a name or an id of theirs in them; those with an address of theirs always go
    #[arg(long)]
    pub mentions: bool,
    /// Print who was forgotten, as salted hashes, for a warehouse elsewhere
    #[arg(long, conflicts_with_all = ["persons", "import", "namespace", "mentions", "apply"])]
    pub export: bool,
    /// Forget whom another warehouse has forgotten: what --export has printed, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["persons", "namespace", "mentions"])]
    pub import: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub deed: Deed,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Migrate {
    /// Do it; without this flag the command only shows what it would do
    #[arg(long)]
    pub apply: bool,
    #[command(flatten)]
    pub output: Output,
}
