//! Random schedules of everything that can happen to a consumer, and the laws that hold in all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const PARTITIONS: i32 = 3;
const KEYS: [Option<&str>; 4] = [Some("a"), Some("b"), Some("c"), None];

/// What a broker knows of a partition, and what truly happened to its records.
#[derive(Default)]
struct Truth {
    /// Offset and key of everything produced.
    log: BTreeMap<i64, Option<&'static str>>,
    committed: i64,
    /// The next offset that this assignment reads; none while it is not ours.
    position: Option<i64>,
    /// Handled, or buried with an acknowledgement.
    done: BTreeSet<i64>,
    /// The last offset that began, per key and assignment.
    begun: BTreeMap<Option<&'static str>, i64>,
}

struct World {
    random: fastrand::Rng,
    bench: Bench,
    truth: Vec<Truth>,
    out: Vec<Job<()>>,
    revoking: bool,
    now: Duration,
}

impl World {
    fn new(seed: u64) -> Self {
        let budget = Arc::new(Budget::new(1_000, 1 << 20));
        // The fuse would end most schedules early; it has tests of its own.
        let fuse = FuseConfig { in_a_row: u32::MAX, percent: 100 };
        let partitions = Partitions::new(Rules { fuse, ..rules() }, Arc::clone(&budget), seed);
        Self {
            random: fastrand::Rng::with_seed(seed),
            bench: Bench { partitions, budget },
            truth: (0..PARTITIONS).map(|_| Truth::default()).collect(),
            out: Vec::new(),
            revoking: false,
            now: Duration::ZERO,
        }
    }

    fn step(&mut self) {
        let partition = self.random.i32(0..PARTITIONS);
        match self.random.u32(0..100) {
            0..30 => self.produce(partition),
            30..50 => self.fetch(partition),
            50..65 => self.start(),
            65..85 => self.finish(),
            85..89 => self.commit(),
            89..92 => self.assign(partition),
            92..94 => self.revoke(partition),
            94..95 => self.lose(partition),
            _ => self.now += Duration::from_millis(self.random.u64(0..5_000)),
        }
        self.answer();
    }

    fn truth(&mut self, partition: i32) -> &mut Truth {
        &mut self.truth[usize::try_from(partition).unwrap()]
    }

    fn produce(&mut self, partition: i32) {
        let (gap, key) = (self.random.i64(1..3), KEYS[self.random.usize(0..KEYS.len())]);
        let truth = self.truth(partition);
        let last = truth.log.last_key_value().map_or(-1, |(offset, _)| *offset);
        truth.log.insert(last + gap, key);
    }

    fn fetch(&mut self, partition: i32) {
        let truth = self.truth(partition);
        let Some(position) = truth.position else { return };
        let next = truth.log.range(position..).next().map(|(offset, key)| (*offset, *key));
        let Some((offset, key)) = next else { return };
        truth.position = Some(offset + 1);
        self.bench.receive(record(partition, offset, key));
    }

    fn start(&mut self) {
        let Some(job) = self.bench.partitions.start(self.now) else { return };
        let InRecord { slot, offset, key, .. } = &job.entry.record;
        let is_twin = |other: &Job<()>| other.entry.record.slot == *slot && other.entry.record.key == *key;
        assert!(!self.out.iter().any(is_twin), "two of one key are under way in {slot}");
        let key = KEYS.into_iter().find(|known| known.map(str::as_bytes) == key.as_deref()).unwrap();
        let (partition, offset) = (slot.partition, *offset);
        let before = self.truth(partition).begun.insert(key, offset);
        assert!(
            before.is_none_or(|before| before <= offset),
            "{offset} of key {key:?} began after {before:?}"
        );
        self.out.push(job);
    }

    fn finish(&mut self) {
        if self.out.is_empty() {
            return;
        }
        let job = self.out.swap_remove(self.random.usize(0..self.out.len()));
        let (partition, offset) = (job.entry.record.slot.partition, job.entry.record.offset);
        let buries = job.entry.verdict.is_some();
        let outcome = match (buries, self.random.u32(0..10)) {
            (true, 0..5) => Outcome::Unburied("no leader".to_owned()),
            (true, _) => Outcome::Buried,
            (false, 0..2) => retry(),
            (false, 2) => reject(),
            (false, _) => Outcome::Handled,
        };
        if matches!(outcome, Outcome::Handled | Outcome::Buried) {
            self.truth(partition).done.insert(offset);
        }
        self.bench.finish(job, outcome, self.now);
    }

    fn commit(&mut self) {
        let offsets = self.bench.partitions.commits();
        self.take(offsets);
    }

    fn take(&mut self, offsets: Offsets) {
        for (slot, next) in offsets {
            let truth = self.truth(slot.partition);
            let skipped = truth.log.range(..next).find(|(offset, _)| !truth.done.contains(offset));
            assert!(skipped.is_none(), "{slot} committed {next} past the unfinished {skipped:?}");
            assert!(next >= truth.committed, "{slot} committed {next} after {}", truth.committed);
            assert!(truth.position.is_some(), "{slot} was committed and is not ours");
            truth.committed = next;
        }
    }

    fn assign(&mut self, partition: i32) {
        let truth = self.truth(partition);
        if truth.position.is_none() {
            (truth.position, truth.begun) = (Some(truth.committed), BTreeMap::new());
            self.bench.partitions.assigned(vec![slot(partition)]);
        }
    }

    fn revoke(&mut self, partition: i32) {
        if !self.revoking && self.truth(partition).position.is_some() {
            self.bench.partitions.revoking(&[slot(partition)], self.now);
            self.revoking = true;
        }
    }

    fn answer(&mut self) {
        let Some(offsets) = self.bench.partitions.drained(self.now) else { return };
        self.take(offsets);
        self.revoking = false;
        let owned: Vec<i32> = self.bench.partitions.owned().map(|slot| slot.partition).collect();
        for partition in (0..PARTITIONS).filter(|partition| !owned.contains(partition)) {
            self.truth(partition).position = None;
        }
    }

    fn lose(&mut self, partition: i32) {
        if !self.revoking {
            self.truth(partition).position = None;
            self.bench.partitions.lost(&[slot(partition)]);
        }
    }

    /// With nothing failing any more and time enough, everything gets done.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            self.now += SECOND * 60;
            (0..PARTITIONS).for_each(|partition| self.assign(partition));
            (0..PARTITIONS).for_each(|partition| self.fetch(partition));
            self.start();
            for job in std::mem::take(&mut self.out) {
                let (partition, offset) = (job.entry.record.slot.partition, job.entry.record.offset);
                let buries = job.entry.verdict.is_some();
                self.truth(partition).done.insert(offset);
                let outcome = if buries { Outcome::Buried } else { Outcome::Handled };
                self.bench.finish(job, outcome, self.now);
            }
            self.answer();
            self.commit();
            if self.truth.iter().all(|truth| truth.committed == end(truth)) && !self.revoking {
                break;
            }
        }
        for (partition, truth) in self.truth.iter().enumerate() {
            assert_eq!(truth.committed, end(truth), "partition {partition} is stuck");
        }
        assert_eq!(self.bench.budget.held(), (0, 0), "everything charged was released");
        assert_eq!(self.bench.partitions.running(), 0);
    }
}

fn end(truth: &Truth) -> i64 {
    truth.log.last_key_value().map_or(0, |(offset, _)| offset + 1)
}

#[test]
fn at_least_once_and_in_order_in_every_schedule() {
    for seed in 0..1_000 {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            (0..400).for_each(|_| world.step());
            world.settle();
        });
        assert!(run.is_ok(), "seed {seed} fails");
    }
}
