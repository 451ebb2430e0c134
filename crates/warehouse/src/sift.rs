//! Which events of a batch count. Pure; both homes ask it.

use std::collections::{BTreeMap, HashMap};

use okr::{Rank, replaces};
use uuid::Uuid;

use crate::Entry;

/// What a home has of the events and deliveries of a batch.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By event id.
    pub(crate) events: HashMap<Uuid, KnownEvent>,
    /// The revision by which a delivery was corrected.
    pub(crate) corrections: HashMap<Uuid, i64>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownEvent {
    pub(crate) subject: Uuid,
    pub(crate) rank: Rank,
}

/// What is to be done with the events of a batch.
#[derive(Debug, Default)]
pub(crate) struct Sifted<'b> {
    /// To be written, by event id; those whose ids are in `replaced` after these are taken out.
    pub(crate) rows: Vec<&'b Entry>,
    /// Known events that a better copy replaces, with the subjects that they were of.
    pub(crate) replaced: Vec<(Uuid, Uuid)>,
    /// Deliveries that are corrected, each with an event of it: their rows of a lower revision go.
    pub(crate) corrected: Vec<&'b Entry>,
}

impl Sifted<'_> {
    /// Whether rows that are there have to go.
    pub(crate) fn takes_out(&self) -> bool {
        !self.replaced.is_empty() || !self.corrected.is_empty()
    }
}

/// Of copies of one event the best one counts, and none of a delivery that was corrected since.
pub(crate) fn sift<'b>(entries: &'b [Entry], known: &Known) -> Sifted<'b> {
    let mut best: BTreeMap<Uuid, &Entry> = BTreeMap::new();
    let mut corrected: BTreeMap<Uuid, &Entry> = BTreeMap::new();
    for entry in entries {
        let counts = best.entry(entry.id()).or_insert(entry);
        if replaces(&entry.rank, &counts.rank) {
            *counts = entry;
        }
        if entry.event.revision == 0 {
            continue;
        }
        let Some(delivery) = entry.delivery() else { continue };
        let highest = corrected.entry(delivery).or_insert(entry);
        if entry.event.revision > highest.event.revision {
            *highest = entry;
        }
    }
    corrected.retain(|delivery, entry| {
        known.corrections.get(delivery).is_none_or(|known| entry.event.revision > *known)
    });
    let revision = |delivery: &Uuid| {
        let ours = corrected.get(delivery).map(|entry| entry.event.revision);
        ours.or_else(|| known.corrections.get(delivery).copied()).unwrap_or_default()
    };
    let is_any_corrected = !corrected.is_empty() || !known.corrections.is_empty();
    let is_outdated =
        |entry: &Entry| entry.delivery().is_some_and(|delivery| entry.event.revision < revision(&delivery));
    let mut sifted = Sifted::default();
    for (id, entry) in best {
        if is_any_corrected && is_outdated(entry) {
            continue;
        }
        match known.events.get(&id) {
            None => sifted.rows.push(entry),
            Some(found) if replaces(&entry.rank, &found.rank) => {
                sifted.rows.push(entry);
                sifted.replaced.push((id, found.subject));
            }
            Some(_) => {}
        }
    }
    sifted.corrected = corrected.into_values().collect();
    sifted
}
