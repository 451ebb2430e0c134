//! What a member holds, shared between its thread and its handle.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use super::{
    pulse::{Beat, Stand},
    stats::Told,
};
use crate::{observe, record::Slot};

#[derive(Debug, Default, Clone, Copy)]
struct Known {
    /// The next offset to come; unknown until the first record of a slot that began at its committed offset.
    next: Option<i64>,
    lag: Option<i64>,
    /// The offset that was given to commit last.
    wanted: Option<i64>,
    /// The last statistics did not show it as committed.
    doubted: bool,
    /// What the last statistics said.
    told: Told,
}

#[derive(Debug)]
pub(super) struct Slots {
    group: String,
    /// What the broker calls this member.
    pub(super) client_id: OnceLock<String>,
    pub(super) beat: Beat,
    ours: Mutex<BTreeMap<Slot, Known>>,
}

impl Slots {
    pub(super) fn new(group: &str) -> Self {
        Self {
            group: group.to_owned(),
            client_id: OnceLock::new(),
            beat: Beat::default(),
            ours: Mutex::default(),
        }
    }

    pub(super) fn group(&self) -> &str {
        &self.group
    }

    pub(super) fn add(&self, starts: &[(Slot, Option<i64>)]) {
        let mut ours = self.lock();
        for (slot, next) in starts {
            ours.insert(slot.clone(), Known { next: *next, ..Known::default() });
        }
    }

    pub(super) fn remove(&self, slots: &[Slot]) {
        let mut ours = self.lock();
        for slot in slots {
            ours.remove(slot);
            observe::lag(&self.group, slot, 0); // Another member tells it from now on.
        }
    }

    pub(super) fn assigned(&self) -> Vec<Slot> {
        self.lock().keys().cloned().collect()
    }

    pub(super) fn has(&self, slot: &Slot) -> bool {
        self.lock().contains_key(slot)
    }

    /// Those offsets whose slots are ours, and how many are not. They are remembered until they are seen as committed.
    pub(super) fn ours(&self, mut offsets: Vec<(Slot, i64)>) -> (Vec<(Slot, i64)>, usize) {
        let all = offsets.len();
        let mut ours = self.lock();
        offsets.retain(|(slot, next)| {
            let known = ours.get_mut(slot);
            known
                .map(|known| {
                    known.doubted &= known.wanted == Some(*next);
                    known.wanted = Some(*next);
                })
                .is_some()
        });
        let stale = all - offsets.len();
        (offsets, stale)
    }

    pub(super) fn came(&self, slot: &Slot, offset: i64) {
        if let Some(known) = self.lock().get_mut(slot) {
            known.next = Some(offset + 1);
        }
    }

    /// Each slot with its next offset, where known.
    pub(super) fn positions(&self) -> Vec<(Slot, Option<i64>)> {
        self.lock().iter().map(|(slot, known)| (slot.clone(), known.next)).collect()
    }

    pub(super) fn begin_again(&self, slot: &Slot, next: i64) {
        if let Some(known) = self.lock().get_mut(slot) {
            *known = Known { next: Some(next), ..Known::default() };
        }
    }

    /// Takes statistics, and answers what was given to commit and is not committed although the statistics before had
    /// missed it already: one that is only on its way is shown by the next ones.
    pub(super) fn told(&self, statistics: Vec<(Slot, Told)>) -> Vec<(Slot, i64)> {
        let mut ours = self.lock();
        let mut missing = Vec::new();
        for (slot, told) in statistics {
            let Some(known) = ours.get_mut(&slot) else { continue };
            known.told = told;
            if let Some(lag) = told.lag {
                known.lag = Some(lag);
                observe::lag(&self.group, &slot, lag);
            }
            let Some(wanted) = known.wanted.filter(|wanted| told.committed != Some(*wanted)) else {
                known.doubted = false;
                continue;
            };
            if known.doubted {
                missing.push((slot, wanted));
            }
            known.doubted = true;
        }
        missing
    }

    pub(super) fn stands(&self) -> Vec<Stand> {
        let ours = self.lock();
        let stand = |(slot, known): (&Slot, &Known)| Stand {
            slot: slot.clone(),
            came: known.next,
            fetched: known.told.fetched,
            queued: known.told.queued,
            committed: known.told.committed,
            is_confirmed: known.wanted.is_none_or(|wanted| known.told.committed == Some(wanted)),
        };
        ours.iter().map(stand).collect()
    }

    pub(super) fn lag(&self) -> Vec<(Slot, i64)> {
        self.lock().iter().filter_map(|(slot, known)| Some((slot.clone(), known.lag?))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Slot, Known>> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
