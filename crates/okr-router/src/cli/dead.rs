//! `okr-router dead`: its verbs and what they take.

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Subcommand)]
pub enum Dead {
    /// Count the dead letters by service, target, reason and department; changes nothing
    List(List),
    /// Show dead letters one by one, decoded where they can be decoded, and why the rest cannot; changes nothing
    Show(Show),
    /// Send dead letters back to the service and the target that gave them up, and to no other
    ///
    /// Without --apply it only counts what it would send. Each letter goes, untouched, onto okr.replay.SERVICE under the
    /// id of this run; the service delivers a letter once per run. The same command after a crash goes on with the run
    /// that was cut off and delivers nothing twice; after a run that was finished it is a new run and delivers again.
    /// Letters of the gateway are bodies that were not understood and stay: translating them anew (`replay arrivals`)
    /// is not in this release.
    Redrive(Redrive),
    /// Mark dead letters as not wanted any more, so that `list` and `redrive` leave them out
    ///
    /// Without --apply it only counts what it would mark. The mark is an entry in okr.audit: Kafka cannot delete single
    /// records, so the letters stay on their topic until its retention (30 days) is over, and --dropped shows them.
    Drop(Drop),
}

/// Which letters are meant; everything that is given must hold.
#[derive(Debug, Clone, Default, Args)]
pub struct Which {
    /// One letter, as `show` names it, such as okr.dead.notifier/3@17
    #[arg(value_name = "TOPIC/PARTITION@OFFSET")]
    pub letter: Option<String>,
    /// The service that gave up, such as notifier
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<String>,
    /// The target that was given up for; `-` means the letters that have none
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub target: Option<String>,
    /// Why, such as not_found or frame; `list` shows which there are
    #[arg(long, value_name = "WORD")]
    pub reason: Option<String>,
    /// The department's name, or `others`; `-` means the letters that have none
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub department: Option<String>,
    /// Died then or later: a time such as 2026-11-23T09:00:00Z, or `-15m`
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Died before then
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Only letters that no redrive has sent back yet
    #[arg(long)]
    pub open: bool,
    /// Also letters that were dropped
    #[arg(long)]
    pub dropped: bool,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    pub which: Which,
    /// Stop after this many letters
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub max: u64,
    #[command(flatten)]
    pub output: Output,
}

/// Who does it, and why.
#[derive(Debug, Args)]
pub struct Deed {
    /// Do it; without this flag the command only shows what it would do
    #[arg(long, requires = "why")]
    pub apply: bool,
    /// Why, in your own words; kept in okr.audit
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Who you are; kept in okr.audit [default: $USER]
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
}

impl Deed {
    /// Who, and why.
    pub fn said(&self) -> (Option<&str>, Option<&str>) {
        (self.who.as_deref(), self.why.as_deref())
    }
}

#[derive(Debug, Args)]
pub struct Redrive {
    #[command(flatten)]
    pub which: Which,
    /// How fast: such as 50/s or 100/m, or `none` for as fast as Kafka takes them
    #[arg(long, value_name = "RATE", default_value = "50/s")]
    pub rate: boot::Rate,
    /// Go on with this run, which was cut off, whatever letters are asked for
    #[arg(long, value_name = "UUID")]
    pub run: Option<uuid::Uuid>,
    #[command(flatten)]
    pub deed: Deed,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Drop {
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub deed: Deed,
    #[command(flatten)]
    pub output: Output,
}
