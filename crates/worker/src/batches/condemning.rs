//! Records of a batch that cannot succeed.

use std::collections::BTreeMap;

use bus::Slot;

use super::{Batches, Cut, Share};
use crate::job::Verdict;

impl Batches {
    /// One of its records cannot succeed, and nobody knows which: fewer at a time.
    pub fn too_many(&mut self, cut: Cut) {
        self.halve(&cut, false);
        self.give_back(cut);
    }

    /// The store does not take what the cut holds, whose letters are buried: this record is at fault, or fewer at a time.
    pub fn refused(&mut self, cut: Cut, verdict: Option<(Slot, i64, Verdict)>) {
        cut.shares.iter().for_each(|share| self.note_buried(share));
        match verdict {
            Some(verdict) => self.condemn(cut, vec![verdict]),
            None => self.too_many(cut),
        }
    }

    /// These records of the cut get a dead letter with the next one. When they are too many for the fuse, everything
    /// halts before any of them does.
    pub fn condemn(&mut self, cut: Cut, verdicts: Vec<(Slot, i64, Verdict)>) {
        let mut found: BTreeMap<Slot, BTreeMap<i64, Verdict>> = BTreeMap::new();
        for (slot, offset, verdict) in verdicts {
            found.entry(slot).or_default().insert(offset, verdict);
        }
        let mut fuse = self.fuse.clone();
        let mut blown = None;
        for share in &cut.shares {
            let part = self.parts.get_mut(&share.slot).filter(|part| part.epoch == share.epoch);
            let Some(part) = part else { continue };
            let mut condemned = share.condemned.clone();
            condemned.append(&mut found.get(&share.slot).cloned().unwrap_or_default());
            blown = blown.or(share.count(&mut fuse, &condemned));
            part.condemned.append(&mut condemned);
        }
        self.give_back(cut);
        if let Some(why) = blown {
            self.halt(why);
        }
    }

    /// Its letters were acknowledged before the store was asked.
    pub fn note_buried(&mut self, share: &Share) {
        if let Some(part) = self.parts.get_mut(&share.slot).filter(|part| part.epoch == share.epoch) {
            part.buried.extend(share.condemned.keys());
        }
    }
}
