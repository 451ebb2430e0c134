//! How a group does on one partition, by the rules of LinkedIn's Burrow: not by a threshold of lag, but by what commits
//! and lag did within a window. Pure.
//!
//! 1. Lag was zero somewhere in the window, or is now: it is well.
//! 2. The committed offset went back: [`Status::Rewind`].
//! 3. Nothing was committed for longer than the window of commits is long: [`Status::Stop`].
//! 4. Commits go on and the offset stands still, with lag: [`Status::Stall`].
//! 5. The offset moves and lag never falls: [`Status::Warn`].

use std::collections::VecDeque;
use std::time::Duration;

/// One commit, or one look at what was committed while somebody could have committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// When, as time since any fixed moment.
    pub at: Duration,
    /// The next offset to consume.
    pub offset: i64,
    /// Records between it and the end at that moment.
    pub lag: i64,
}

/// How a partition is consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It keeps up, or too little was seen to say more.
    Ok,
    /// It works, and falls behind all the same.
    Warn,
    /// It commits, and does not get on.
    Stall,
    /// It has stopped committing.
    Stop,
    /// It went back to earlier records.
    Rewind,
}

impl Status {
    /// The word for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Stall => "stall",
            Self::Stop => "stop",
            Self::Rewind => "rewind",
        }
    }

    /// The number on `/metrics`: 0 is well, and the higher the worse.
    pub fn level(self) -> u8 {
        self as u8
    }
}

/// The last commits of a group on one partition.
#[derive(Debug, Clone)]
pub struct Window {
    commits: VecDeque<Commit>,
    length: usize,
}

impl Window {
    /// Judges by the last `length` commits, and not before it has seen so many; at least two.
    pub fn new(length: usize) -> Self {
        Self { commits: VecDeque::new(), length: length.max(2) }
    }

    /// Takes the next commit; they come in the order of time.
    pub fn push(&mut self, commit: Commit) {
        if self.commits.len() == self.length {
            self.commits.pop_front();
        }
        self.commits.push_back(commit);
    }

    /// How it does at `now`, with `lag` records to the end.
    pub fn status(&self, now: Duration, lag: i64) -> Status {
        let (Some(first), Some(last)) = (self.commits.front(), self.commits.back()) else {
            return Status::Ok;
        };
        let pairs = || self.commits.iter().zip(self.commits.iter().skip(1));
        if pairs().any(|(before, after)| after.offset < before.offset) {
            return Status::Rewind;
        }
        if self.commits.len() < self.length || lag <= 0 || self.commits.iter().any(|commit| commit.lag <= 0) {
            return Status::Ok;
        }
        if now.saturating_sub(last.at) > last.at.saturating_sub(first.at) {
            return Status::Stop;
        }
        if first.offset == last.offset {
            return Status::Stall;
        }
        if pairs().all(|(before, after)| after.lag >= before.lag) {
            return Status::Warn;
        }
        Status::Ok
    }
}

#[cfg(test)]
mod tests;
