//! What Kafka and the store know, and the laws that are judged by it.

use std::collections::{BTreeMap, BTreeSet};

use bus::{InRecord, OutRecord, Slot};

use super::{PARTITIONS, Verdict, broken};

/// A record as it was produced. Several records may carry one event.
#[derive(Debug, Clone)]
pub struct Produced {
    pub record: InRecord,
    pub event: u64,
}

/// One partition.
#[derive(Default)]
pub struct Log {
    pub records: BTreeMap<i64, Produced>,
    pub committed: i64,
    /// Grows with each change of hands: a commit of an earlier one is refused.
    pub generation: u64,
    /// Offsets whose effect is durable or whose dead letter is acknowledged.
    pub done: BTreeSet<i64>,
    /// Offsets whose dead letter was sent at least once.
    pub sent: BTreeSet<i64>,
}

impl Log {
    pub fn end(&self) -> i64 {
        self.records.last_key_value().map_or(0, |(offset, _)| offset + 1)
    }

    /// Laws 1 and 2: nothing below `next` is unfinished, a dead letter that nobody confirmed included.
    pub fn may_commit(&self, slot: &Slot, next: i64) -> Verdict {
        // What was committed once was judged then.
        let from = self.committed.min(next);
        match self.records.range(from..next).find(|(offset, _)| !self.done.contains(offset)) {
            None => Ok(()),
            Some((offset, _)) if self.sent.contains(offset) => broken(
                2,
                format!("{slot} commits {next} past {offset}, whose dead letter is not acknowledged"),
            ),
            Some((offset, _)) => broken(1, format!("{slot} commits {next} past the unfinished {offset}")),
        }
    }
}

/// The cluster and the store behind the handlers.
pub struct Broker {
    pub logs: Vec<Log>,
    claims: BTreeSet<u64>,
    rows: BTreeMap<u64, u32>,
    /// Acknowledged or not.
    pub letters: BTreeSet<(i32, i64)>,
    events: u64,
}

/// How a handler claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claiming {
    /// Claim and rows in one transaction.
    Together,
    /// No claim at all.
    Never,
    /// The claim in a transaction of its own, before the rows.
    Before,
}

impl Broker {
    pub fn new() -> Self {
        let logs = (0..PARTITIONS).map(|_| Log::default()).collect();
        Self { logs, claims: BTreeSet::new(), rows: BTreeMap::new(), letters: BTreeSet::new(), events: 0 }
    }

    pub fn log(&mut self, partition: i32) -> &mut Log {
        &mut self.logs[usize::try_from(partition).unwrap()]
    }

    /// Produces a record of a new event, or the one before once more, as gateways do whose answer was lost.
    pub fn produce(&mut self, partition: i32, gap: i64, key: Option<&'static str>, again: bool) {
        let mut event = self.events;
        let log = &mut self.logs[usize::try_from(partition).unwrap()];
        let offset = log.end() - 1 + gap;
        let mut record = super::record(partition, offset, key);
        if again && let Some((_, last)) = log.records.last_key_value() {
            event = last.event;
            record.key.clone_from(&last.record.key);
        } else {
            self.events += 1;
        }
        log.records.insert(offset, Produced { record, event });
    }

    /// The handler's transaction; `cut_off` ends the process between two of them, where there are two. Answers whether
    /// it went through.
    pub fn plan(
        &mut self,
        slot: &Slot,
        offset: i64,
        claiming: Claiming,
        cut_off: bool,
    ) -> Result<bool, super::Broken> {
        let log = &self.logs[usize::try_from(slot.partition).unwrap()];
        let Produced { record, event } = log.records[&offset].clone();
        // Law 3: all that came before it under its key is done.
        let of_key = |other: &InRecord| other.key == record.key;
        let skipped = log
            .records
            .range(log.committed.min(offset)..offset)
            .find(|(before, produced)| of_key(&produced.record) && !log.done.contains(before));
        if let Some((before, _)) = skipped {
            broken(3, format!("{slot}@{offset} took effect before {before} of the same key"))?;
        }
        let ours = self.claims.insert(event);
        if cut_off && claiming == Claiming::Before {
            return Ok(false);
        }
        if ours || claiming == Claiming::Never {
            *self.rows.entry(event).or_default() += 1;
        }
        self.log(slot.partition).done.insert(offset);
        Ok(true)
    }

    /// Laws 2 and 8: a letter arrives, and whether its acknowledgement does.
    pub fn bury(&mut self, record: &InRecord, letter: &OutRecord, acknowledged: bool) -> Verdict {
        let untouched = letter.key == record.key
            && letter.value == record.value
            && letter.headers.iter().zip(record.headers.iter()).all(|(now, then)| now == then)
            && letter.headers.iter().count() >= record.headers.iter().count();
        if !untouched {
            broken(8, format!("the letter of {}@{} is not what came", record.slot, record.offset))?;
        }
        let said = |name| letter.headers.get_str(name).unwrap_or_default();
        let origin = (said(bus::header::OKR_ORIGINAL_PARTITION), said(bus::header::OKR_ORIGINAL_OFFSET));
        if origin != (&*record.slot.partition.to_string(), &*record.offset.to_string())
            || said(bus::header::OKR_DEAD_REASON).is_empty()
        {
            broken(
                8,
                format!(
                    "the letter of {}@{} does not say where it is from and why",
                    record.slot, record.offset
                ),
            )?;
        }
        let log = self.log(record.slot.partition);
        log.sent.insert(record.offset);
        if acknowledged {
            log.done.insert(record.offset);
        }
        self.letters.insert((record.slot.partition, record.offset));
        Ok(())
    }

    /// Law 1: a commit of the generation that holds the slot counts and never falls; any other is refused.
    pub fn commit(&mut self, slot: &Slot, next: i64, generation: u64) -> Verdict {
        let log = self.log(slot.partition);
        if log.generation != generation {
            return Ok(());
        }
        if next < log.committed {
            broken(1, format!("{slot} commits {next} after {}", log.committed))?;
        }
        log.committed = next;
        Ok(())
    }

    /// Law 10: every event took effect at least once or has a dead letter, and none took effect twice.
    pub fn account(&self) -> Verdict {
        for (partition, log) in self.logs.iter().enumerate() {
            for (offset, Produced { event, .. }) in &log.records {
                let rows = self.rows.get(event).copied().unwrap_or_default();
                let buried = self.letters.contains(&(i32::try_from(partition).unwrap(), *offset));
                if rows == 0 && !buried {
                    broken(10, format!("{partition}@{offset} was lost"))?;
                }
                if rows > 1 {
                    broken(10, format!("event {event} took effect {rows} times"))?;
                }
            }
        }
        Ok(())
    }
}
