//! `okr-router dead`: what services gave up, and what can be done about it.

mod drop;
mod filter;
mod groups;
mod letter;
mod list;
mod marks;
mod redrive;
mod show;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use jiff::Timestamp;

use self::{filter::Filter, groups::Groups, letter::Letter, marks::Marks};
use super::{
    audit,
    pile::{Ends, Pile},
};
use crate::{
    cli::{Settings, dead::Dead},
    config::{self, Reader, Whole},
    parts,
};

#[cfg(test)]
mod tests;

/// Reads by assignment, without a group, so that nobody's offsets move.
pub fn run(settings: &Settings, verb: &Dead) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    let now = Timestamp::now();
    super::block_on(async {
        match verb {
            Dead::List(options) => list::run(&Desk::open_to_look(&whole).await?, options, now).await,
            Dead::Show(options) => show::run(&Desk::open_to_look(&whole).await?, options, now).await,
            Dead::Redrive(options) => redrive::run(&Desk::open(&whole).await?, options, now).await,
            Dead::Drop(options) => drop::run(&Desk::open(&whole).await?, options, now).await,
        }
    })
}

/// What all verbs work with: the cluster, and what was done before.
struct Desk<'a> {
    whole: &'a Whole,
    bus: bus::Settings,
    marks: Marks,
}

/// What a filter means on one topic, counted.
struct Count {
    groups: Groups,
    /// To where it was counted.
    ends: Ends,
}

impl<'a> Desk<'a> {
    async fn open(whole: &'a Whole) -> Result<Self> {
        let bus = parts::bus_settings(whole, "okr-router-dead")?;
        let marks = Marks::of(audit::read(whole, &bus).await?);
        Ok(Self { whole, bus, marks })
    }

    /// As `open`, for verbs that change nothing: letters can be looked at while the registry is down, only without what
    /// was done to them before.
    async fn open_to_look(whole: &'a Whole) -> Result<Self> {
        let bus = parts::bus_settings(whole, "okr-router-dead")?;
        let entries = audit::read(whole, &bus).await.unwrap_or_else(|error| {
            eprintln!("which letters were sent back or dropped is not known: {error:#}");
            Vec::new()
        });
        Ok(Self { whole, bus, marks: Marks::of(entries) })
    }

    /// The dead-letter topics that a filter may mean. One that names a service that has none is a mistake.
    fn topics(&self, filter: &Filter) -> Result<Vec<&'static str>> {
        let all = bus::TOPICS.iter().map(|topic| topic.name).filter(|name| name.starts_with("okr.dead."));
        let all: Vec<&str> = all.collect();
        let reached: Vec<&'static str> = all.iter().copied().filter(|topic| filter.reaches(topic)).collect();
        let services: Vec<&str> = all.iter().map(|topic| letter::service(topic)).collect();
        ensure!(
            !reached.is_empty(),
            "no such dead letters: services that have some are {}",
            services.join(", ")
        );
        Ok(reached)
    }

    /// Opens a topic of dead letters; a missing one is named with the command that makes it.
    async fn pile(&self, topic: &str, ends: Option<&Ends>) -> Result<Pile> {
        let pile = Pile::open(&self.bus, topic, ends).await?;
        pile.ok_or_else(|| anyhow::anyhow!("topic {topic} is missing: run `okr-router topics apply`"))
    }

    /// Counts what is meant on one topic; `means` has the last word.
    async fn count(
        &self,
        topic: &str,
        ends: Option<&Ends>,
        means: impl Fn(&Letter) -> bool,
    ) -> Result<Count> {
        let mut pile = self.pile(topic, ends).await?;
        let mut groups = Groups::default();
        while let Some(record) = pile.next().await? {
            let letter = Letter::of(&record);
            if means(&letter) {
                groups.add(&letter, self.marks.state(&letter));
            }
        }
        Ok(Count { groups, ends: pile.ends().clone() })
    }

    /// Says which redrives were cut off, for they are neither done nor forgotten.
    fn mention_unfinished(&self) {
        for run in self.marks.unfinished() {
            eprintln!(
                "redrive {} of {} was begun by {} at {:.0} and not finished: `okr-router dead redrive --run {} --apply \
                 --why …` goes on with it",
                run.id, run.topic, run.who, run.at, run.id
            );
        }
    }
}

/// Letters, with the right number of the word.
fn letters(count: u64) -> String {
    if count == 1 { "1 letter".to_owned() } else { format!("{count} letters") }
}
