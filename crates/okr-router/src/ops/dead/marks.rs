//! What was done to dead letters before, as the audit tells it. Pure.
//!
//! A run's letters are those that its filter meant and that lay before its frozen ends; nothing is kept per letter.

use std::collections::BTreeMap;

use wire::{Audit, Stage, Verb};

use super::{filter::Filter, letter::Letter};
use crate::ops::pile::Ends;

/// The detail of an entry that holds the frozen ends.
const ENDS: &str = "ends";

/// One redrive or drop of letters of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: String,
    pub verb: Verb,
    /// The dead-letter topic.
    pub topic: String,
    pub filter: Filter,
    pub ends: Ends,
    pub who: String,
    pub why: String,
    pub at: jiff::Timestamp,
    pub finished: bool,
    /// How many runs there were when it began: what later ones did is not its to heed.
    before: usize,
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State<'a> {
    /// Nothing yet.
    Open,
    /// It was sent back by this run.
    Redriven(&'a str),
    /// It was marked as not wanted by this run.
    Dropped(&'a str),
}

/// All runs, in the order of their time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(Vec<Run>);

impl Marks {
    /// Reads the audit, in any order. Entries about other things, or that cannot be understood, are left out.
    pub fn of(mut entries: Vec<Audit>) -> Self {
        entries.sort_by_key(|entry| entry.at);
        let mut runs: Vec<Run> = Vec::new();
        for entry in &entries {
            let known = runs.iter_mut().find(|run| run.id == entry.run && run.topic == entry.object);
            match (known, entry.stage) {
                (Some(run), Stage::Finished) => run.finished = true,
                (None, Stage::Begun | Stage::Finished) => runs.extend(run(entry, runs.len())),
                _ => {}
            }
        }
        Self(runs)
    }

    /// What became of a letter, by all finished runs.
    pub fn state(&self, letter: &Letter) -> State<'_> {
        Self::judge(&self.0, letter)
    }

    /// Whether a filter means a letter, in the light of what was done before.
    pub fn means(&self, filter: &Filter, letter: &Letter) -> bool {
        filter.matches(letter) && admits(filter, self.state(letter))
    }

    /// Whether a run meant a letter when it began.
    pub fn belongs(&self, run: &Run, letter: &Letter) -> bool {
        let earlier = self.0.get(..run.before).unwrap_or(&self.0);
        run.topic == letter.position.topic
            && run.ends.cover(letter.position.partition, letter.position.offset)
            && run.filter.matches(letter)
            && admits(&run.filter, Self::judge(earlier, letter))
    }

    /// The redrive of this topic that was begun with the same filter and cut off; the newest one.
    pub fn cut_off(&self, topic: &str, filter: &Filter) -> Option<&Run> {
        let same = |run: &&Run| run.topic == topic && run.filter.said() == filter.said();
        self.unfinished().filter(same).last()
    }

    /// Redrives that were begun and never finished.
    pub fn unfinished(&self) -> impl Iterator<Item = &Run> {
        self.0.iter().filter(|run| run.verb == Verb::Redrive && !run.finished)
    }

    /// The redrive of that id.
    pub fn redrive(&self, id: &str) -> Option<&Run> {
        self.0.iter().find(|run| run.verb == Verb::Redrive && run.id == id)
    }

    fn judge<'a>(runs: &'a [Run], letter: &Letter) -> State<'a> {
        let mut state = State::Open;
        let touching = |run: &&Run| {
            run.finished
                && run.topic == letter.position.topic
                && run.ends.cover(letter.position.partition, letter.position.offset)
                && run.filter.matches(letter)
        };
        for run in runs.iter().filter(touching) {
            if admits(&run.filter, state) {
                state =
                    if run.verb == Verb::Drop { State::Dropped(&run.id) } else { State::Redriven(&run.id) };
            }
        }
        state
    }
}

fn admits(filter: &Filter, state: State<'_>) -> bool {
    match state {
        State::Open => true,
        State::Redriven(_) => !filter.open,
        State::Dropped(_) => filter.dropped,
    }
}

fn run(entry: &Audit, before: usize) -> Option<Run> {
    if !matches!(entry.verb, Verb::Redrive | Verb::Drop) {
        return None;
    }
    Some(Run {
        id: entry.run.clone(),
        verb: entry.verb,
        topic: entry.object.clone(),
        filter: Filter::of_details(&entry.details)?,
        ends: Ends::parse(entry.details.get(ENDS)?)?,
        who: entry.who.clone(),
        why: entry.why.clone(),
        at: entry.at,
        finished: entry.stage == Stage::Finished,
        before,
    })
}

/// The details of an entry about letters.
pub fn details(filter: &Filter, ends: &Ends) -> BTreeMap<String, String> {
    let mut details = filter.details();
    details.insert(ENDS.to_owned(), ends.said());
    details
}
