//! What a state service's member tells of its work: records, dead letters, lag and load.

use std::time::Duration;

use bus::Slot;

use crate::batches::{Batches, Cut, Fate};
use crate::observe;
use crate::partitions::Offsets;

/// Counts between two measurements.
#[derive(Debug)]
pub struct Tally {
    service: &'static str,
    /// Records since the last measurement: telling them one by one would cost more than counting them.
    pub consumed: u64,
    finished: u64,
    measured: u32,
    /// Slots whose lag was told last.
    lagging: Vec<Slot>,
}

impl Tally {
    /// Nothing is counted yet.
    pub fn new(service: &'static str) -> Self {
        Self { service, consumed: 0, finished: 0, measured: 0, lagging: Vec::new() }
    }

    /// What became of a batch.
    pub fn judged(&mut self, cut: &Cut, fates: &[Fate]) {
        for (share, fate) in cut.shares.iter().zip(fates) {
            match fate {
                Fate::Done => {
                    self.finished += share.records.len() as u64;
                    for (offset, verdict) in &share.condemned {
                        let verdict = (verdict.reason, verdict.error.as_str(), 1);
                        observe::dead_lettered(self.service, &share.slot, *offset, verdict);
                    }
                }
                Fate::Again => {}
                Fate::Gone => observe::ignored(self.service),
            }
        }
    }

    /// Tells everything; answers how often it has.
    pub fn measure(&mut self, batches: &Batches, now: Duration, lag: Offsets) -> u32 {
        self.tell();
        let (running, held) = batches.load(now);
        observe::load(self.service, running, held);
        observe::assigned(self.service, batches.owned());
        for slot in &self.lagging {
            // A slot that went away is somebody else's to tell.
            if !lag.iter().any(|(known, _)| known == slot) {
                observe::lag(self.service, slot, 0);
            }
        }
        lag.iter().for_each(|(slot, records)| observe::lag(self.service, slot, *records));
        self.lagging = lag.into_iter().map(|(slot, _)| slot).collect();
        self.measured = self.measured.wrapping_add(1);
        self.measured
    }

    /// Tells what was counted.
    pub fn tell(&mut self) {
        observe::consumed(self.service, std::mem::take(&mut self.consumed));
        observe::finished(self.service, std::mem::take(&mut self.finished));
    }
}

impl Drop for Tally {
    /// What is another's from now on must not be told as ours for ever.
    fn drop(&mut self) {
        self.lagging.iter().for_each(|slot| observe::lag(self.service, slot, 0));
    }
}
