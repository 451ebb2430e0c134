//! Commits whose connection broke, and which the store brings to an end later.

use super::*;

impl World {
    /// The cut's connection breaks while the store is at its commit, which holds its slots. False: it would not be taken.
    pub(super) fn lingers(&mut self, cut: &Cut) -> bool {
        let is_bad = wanted(cut).any(|(_, record)| is_bad(content(record)));
        let lingers = !is_bad && cut.shares.iter().all(|share| self.fits(share));
        if lingers {
            self.landing.push(cut.clone());
        }
        lingers
    }

    /// Whoever wants slots that a commit under way holds comes after it.
    pub(super) fn wait_for(&mut self, cut: &Cut) {
        let partitions: Vec<i32> = cut.shares.iter().map(|share| share.slot.partition).collect();
        self.land(&partitions);
    }

    /// Commits under way that hold one of these come to their end, whichever it is.
    pub(super) fn land(&mut self, partitions: &[i32]) {
        let holds = |cut: &Cut| cut.shares.iter().any(|share| partitions.contains(&share.slot.partition));
        let (landing, left) = std::mem::take(&mut self.landing).into_iter().partition(holds);
        self.landing = left;
        let landing: Vec<Cut> = landing;
        for cut in landing {
            if self.random.bool() {
                self.transaction(&cut, false);
            }
        }
    }
}
