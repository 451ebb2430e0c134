//! A company's events: made by a script, written like any others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bus::Slot;
use okr::OkrEvent;
use okr_tests::Python;
use tempfile::TempDir;
use uuid::Uuid;
use worker::{Batch, Fingerprint, Last, Mark, Standing};

use super::{Place, Tables, open};
use crate::{Entry, Target};

const SERVICE: &str = "okr.warehouse";
const TOPIC: &str = "okr.events";
const PARTITIONS: i32 = 2;
const BATCH: usize = 150;

/// The events, in the order in which they arrive.
pub(super) struct Company {
    events: PathBuf,
    entries: Vec<Entry>,
    _folder: TempDir,
}

impl Company {
    pub(super) async fn new(seed: u32, key_results: u32) -> Self {
        let args = [seed.to_string(), key_results.to_string()];
        let lines = Python::run("warehouse/events.py", &args).await.expect("events are made");
        let folder = TempDir::new().expect("a folder");
        let events = folder.path().join("events.jsonl");
        std::fs::write(&events, &lines).expect("they are kept");
        let mut offsets = HashMap::new();
        let entries = lines.lines().map(|line| entry(line, &mut offsets)).collect();
        Self { events, entries, _folder: folder }
    }

    /// Where the script reads them.
    pub(super) fn path(&self) -> &Path {
        &self.events
    }

    /// Writes all of them, as one member does that has all partitions.
    pub(super) async fn fill(&self, place: &Place) {
        let target = open(place, Tables::Migrate).await.expect("a warehouse");
        let mut writer = Writer::new(target.as_ref()).await;
        for batch in self.batches() {
            writer.write(batch).await;
        }
    }

    pub(super) fn batches(&self) -> impl Iterator<Item = &[Entry]> {
        self.entries.chunks(BATCH)
    }
}

/// A department has a partition of its own, so who moves leaves a partition behind.
fn entry(line: &str, offsets: &mut HashMap<i32, i64>) -> Entry {
    let mut event: OkrEvent = serde_json::from_str(line).expect("an event");
    // As the gateway does where the tool gives a metric alone.
    event.progress = event.progress.or_else(|| okr::progress::from_metric(event.metric.as_ref()?));
    let partition = event.department.as_deref().map_or(0, str::len) as i32 % PARTITIONS;
    let offset = offsets.entry(partition).or_insert(0);
    *offset += 1;
    Entry::at(event, Slot::new(TOPIC, partition), *offset - 1).expect("an entry")
}

/// A member that writes batch after batch.
pub(super) struct Writer<'t> {
    target: &'t dyn Target,
    standings: HashMap<Slot, Standing>,
}

impl<'t> Writer<'t> {
    pub(super) async fn new(target: &'t dyn Target) -> Self {
        let slots: Vec<Slot> = (0..PARTITIONS).map(|partition| Slot::new(TOPIC, partition)).collect();
        let standings = target.assign(SERVICE, &slots).await.expect("they are ours");
        Self { target, standings: standings.into_iter().map(|at| (at.slot.clone(), at)).collect() }
    }

    pub(super) async fn write(&mut self, entries: &[Entry]) {
        let mut marks: HashMap<Slot, Mark> = HashMap::new();
        for entry in entries {
            let standing = &self.standings[&entry.slot];
            let last = Last { offset: entry.offset, fingerprint: Fingerprint(Uuid::nil()) };
            let (slot, epoch, from) = (entry.slot.clone(), standing.epoch, standing.next);
            let begun = Mark { slot, epoch, from, next: from, last };
            let mark = marks.entry(entry.slot.clone()).or_insert(begun);
            (mark.next, mark.last) = (entry.offset + 1, last);
        }
        for mark in marks.values() {
            self.standings.get_mut(&mark.slot).expect("it is ours").next = mark.next;
        }
        let marks = marks.into_values().collect();
        let batch = Batch { marks, changes: entries.to_vec(), produce: Vec::new() };
        self.target.commit(SERVICE, &batch).await.expect("it is written");
    }
}
