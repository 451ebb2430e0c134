//! The state of the partitions, step by step; `simulation` drives it through random schedules.

use bus::{Gate, Headers};
use bytes::Bytes;

use super::*;
use crate::{Failure, RetryConfig};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn rules() -> Rules {
    Rules {
        attempts_max: 3,
        backoff: RetryConfig::default().into(),
        in_flight_max: 16,
        drain_grace: SECOND * 10,
        fuse: FuseConfig::default(),
    }
}

pub(super) fn slot(partition: i32) -> Slot {
    Slot::new("okr.events", partition)
}

pub(super) fn record(partition: i32, offset: i64, key: Option<&str>) -> InRecord {
    InRecord {
        slot: slot(partition),
        offset,
        timestamp_ms: None,
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::from_static(b"value")),
        headers: Headers::default(),
    }
}

/// Partitions with their budget charged as the consumer would.
pub(super) struct Bench {
    pub partitions: Partitions<()>,
    pub budget: Arc<Budget>,
}

impl Bench {
    pub fn new() -> Self {
        let budget = Arc::new(Budget::new(1_000, 1 << 20));
        let mut partitions = Partitions::new(rules(), Arc::clone(&budget), 7);
        partitions.assigned(vec![slot(0), slot(1)]);
        Self { partitions, budget }
    }

    pub fn receive(&mut self, record: InRecord) {
        self.budget.admit(1, record.size());
        self.partitions.record(record).unwrap();
    }

    pub fn finish(&mut self, job: Job<()>, outcome: Outcome, now: Duration) -> Note {
        let done = Done { ticket: job.ticket, entry: job.entry, outcome };
        self.partitions.finish(done, now).unwrap()
    }

    fn start(&mut self) -> Job<()> {
        self.partitions.start(Duration::ZERO).expect("something may start")
    }
}

fn retry() -> Outcome {
    Outcome::Failed(Failure::retry("busy", "busy"))
}

fn reject() -> Outcome {
    Outcome::Failed(Failure::reject("shape", "not ours"))
}

#[test]
fn what_finishes_from_an_earlier_assignment_is_ignored() {
    let mut bench = Bench::new();
    bench.receive(record(0, 5, Some("a")));
    let old = bench.start();
    bench.partitions.lost(&[slot(0)]);
    bench.partitions.assigned(vec![slot(0)]);
    bench.receive(record(0, 5, Some("a")));
    assert!(bench.partitions.start(SECOND).is_none(), "the key is still under way");
    assert_eq!(bench.finish(old, Outcome::Handled, SECOND), Note::Ignored);
    assert_eq!(bench.partitions.commits(), vec![], "the new assignment has finished nothing");
    let new = bench.start();
    bench.finish(new, Outcome::Handled, SECOND);
    assert_eq!(bench.partitions.commits(), vec![(slot(0), 6)]);
    assert_eq!(bench.budget.held(), (0, 0));
}

#[test]
fn on_revoke_it_stops_drains_and_hands_back_its_frontier() {
    let mut bench = Bench::new();
    (0..3).for_each(|offset| bench.receive(record(0, offset, Some("a"))));
    let job = bench.start();
    bench.partitions.revoking(&[slot(0)], SECOND);
    assert!(bench.partitions.start(SECOND).is_none(), "nothing starts any more");
    assert_eq!(bench.partitions.drained(SECOND), None, "the first record is under way");
    bench.finish(job, Outcome::Handled, SECOND);
    assert_eq!(bench.partitions.drained(SECOND), Some(vec![(slot(0), 1)]));
    assert_eq!(bench.partitions.commits(), vec![], "it is another's now");
    assert_eq!(bench.budget.held(), (0, 0));
}

#[test]
fn a_drain_ends_with_its_grace() {
    let mut bench = Bench::new();
    bench.receive(record(0, 0, Some("a")));
    let job = bench.start();
    bench.partitions.revoking(&[slot(0)], SECOND);
    assert_eq!(bench.partitions.wake_at(), Some(SECOND * 11));
    assert_eq!(bench.partitions.drained(SECOND * 11), Some(vec![]), "nothing was finished");
    assert_eq!(bench.finish(job, Outcome::Handled, SECOND * 12), Note::Ignored);
}

#[test]
fn on_lost_it_drops_and_never_commits() {
    let mut bench = Bench::new();
    (0..2).for_each(|offset| bench.receive(record(0, offset, None)));
    let job = bench.start();
    bench.finish(job, Outcome::Handled, SECOND);
    bench.partitions.lost(&[slot(0)]);
    assert_eq!(bench.partitions.commits(), vec![]);
    assert_eq!(bench.partitions.finals(), vec![]);
    assert_eq!(bench.budget.held(), (0, 0));
}

#[test]
fn a_retry_waits_in_its_lane_while_others_go_on() {
    let mut bench = Bench::new();
    bench.receive(record(0, 0, Some("a")));
    bench.receive(record(0, 1, Some("a")));
    bench.receive(record(0, 2, Some("b")));
    let job = bench.start();
    bench.finish(job, retry(), Duration::ZERO);
    assert_eq!(bench.start().entry.record.offset, 2);
    assert!(bench.partitions.start(Duration::ZERO).is_none());
    let again = bench.partitions.start(SECOND).expect("its pause is over");
    assert_eq!((again.entry.record.offset, again.entry.attempts), (0, 1));
}

#[test]
fn attempts_used_up_become_a_dead_letter_and_endless_ones_never_do() {
    let mut bench = Bench::new();
    bench.receive(record(0, 0, Some("a")));
    let mut now = Duration::ZERO;
    for _ in 0..50 {
        let job = bench.partitions.start(now).expect("due");
        let note = bench.finish(job, Outcome::Failed(Failure::wait("registry_down", "down")), now);
        assert!(matches!(note, Note::Retried { .. }));
        now += SECOND * 60;
    }
    for attempt in 1..=3 {
        let job = bench.partitions.start(now).expect("due");
        assert!(job.entry.verdict.is_none());
        let note = bench.finish(job, retry(), now);
        assert_eq!(matches!(note, Note::Condemned { .. }), attempt == 3, "attempt {attempt}");
        now += SECOND * 60;
    }
    let job = bench.partitions.start(now).expect("the burial");
    assert_eq!(job.entry.verdict.as_ref().map(|verdict| verdict.reason), Some("busy"));
}

#[test]
fn a_dead_letter_is_acknowledged_before_its_record_is_finished() {
    let mut bench = Bench::new();
    bench.receive(record(0, 0, Some("a")));
    let job = bench.start();
    bench.finish(job, reject(), Duration::ZERO);
    let mut now = Duration::ZERO;
    for _ in 0..100 {
        let job = bench.partitions.start(now).expect("the burial");
        bench.finish(job, Outcome::Unburied("no leader".to_owned()), now);
        assert_eq!(bench.partitions.commits(), vec![], "never skipped, however often it fails");
        now += SECOND * 60;
    }
    let job = bench.partitions.start(now).expect("the burial");
    assert!(matches!(bench.finish(job, Outcome::Buried, now), Note::Buried { reason: "shape", .. }));
    assert_eq!(bench.partitions.commits(), vec![(slot(0), 1)]);
}

#[test]
fn the_fuse_halts_instead_of_pouring_the_topic_away() {
    let mut bench = Bench::new();
    (0..30).for_each(|offset| bench.receive(record(0, offset, Some("a"))));
    let mut buried = 0;
    while let Some(job) = bench.partitions.start(Duration::ZERO) {
        let outcome = if job.entry.verdict.is_some() { Outcome::Buried } else { reject() };
        if matches!(bench.finish(job, outcome, Duration::ZERO), Note::Buried { .. }) {
            buried += 1;
        }
    }
    assert_eq!(buried, 20);
    assert!(bench.partitions.halted().is_some_and(|why| why.starts_with("fuse: 21 records in a row")));
    assert!(!bench.budget.open(), "consuming stops");
    assert_eq!(bench.partitions.commits(), vec![(slot(0), 20)], "what was done is kept");
}

#[test]
fn a_halt_keeps_the_record_and_starts_nothing_more() {
    let mut bench = Bench::new();
    bench.receive(record(0, 0, Some("a")));
    bench.receive(record(0, 1, Some("b")));
    let job = bench.start();
    let note =
        bench.finish(job, Outcome::Failed(Failure::halt("migration", "schema is newer")), Duration::ZERO);
    assert_eq!(note, Note::Halted { why: "migration: schema is newer".to_owned() });
    assert!(bench.partitions.start(SECOND).is_none());
    assert_eq!(bench.partitions.commits(), vec![]);
}

#[test]
fn records_without_a_key_share_their_partitions_lane() {
    let mut bench = Bench::new();
    bench.receive(record(0, 0, None));
    bench.receive(record(0, 1, None));
    bench.receive(record(1, 0, None));
    let offsets =
        [bench.start(), bench.start()].map(|job| (job.entry.record.slot.partition, job.entry.record.offset));
    assert_eq!(offsets, [(0, 0), (1, 0)]);
    assert!(bench.partitions.start(Duration::ZERO).is_none());
}

#[test]
fn a_slot_whose_offsets_begin_anew_gets_a_new_ledger() {
    let mut bench = Bench::new();
    bench.receive(record(0, 900, None));
    bench.partitions.torn(&slot(0));
    // Fetched before the position was out of range.
    bench.receive(record(0, 901, None));
    bench.receive(record(0, 3, None));
    let job = bench.start();
    assert_eq!(job.entry.record.offset, 3);
    bench.finish(job, Outcome::Handled, SECOND);
    assert_eq!(bench.partitions.finals(), vec![(slot(0), 4)]);
}

#[test]
fn what_was_received_before_a_gap_is_handled_before_anything_behind_it_is_committed() {
    let mut bench = Bench::new();
    bench.receive(record(0, 50, None));
    bench.partitions.torn(&slot(0));
    bench.receive(record(0, 51, None));
    bench.receive(record(0, 200, None));
    let offsets: Vec<i64> = (0..3)
        .map(|_| {
            let job = bench.start();
            let offset = job.entry.record.offset;
            assert_eq!(
                bench.partitions.finals(),
                vec![(slot(0), offset)].into_iter().filter(|at| at.1 > 50).collect::<Vec<_>>()
            );
            bench.finish(job, Outcome::Handled, SECOND);
            offset
        })
        .collect();
    assert_eq!(offsets, [50, 51, 200], "Kafka has the first two no more");
    assert_eq!(bench.partitions.finals(), vec![(slot(0), 201)]);
}

#[test]
fn a_slot_that_came_back_is_not_taken_away_by_an_older_revocation() {
    let mut bench = Bench::new();
    bench.receive(record(0, 0, None));
    let late = bench.start();
    bench.partitions.revoking(&[slot(0)], Duration::ZERO);
    bench.partitions.assigned(vec![slot(0)]);
    assert_eq!(bench.partitions.drained(SECOND * 60), Some(Vec::new()));
    bench.receive(record(0, 0, None));
    let job = bench.partitions.start(SECOND * 60);
    assert!(job.is_none(), "the same key is still out");
    bench.finish(late, Outcome::Handled, SECOND * 60);
    let job = bench.start();
    bench.finish(job, Outcome::Handled, SECOND * 60);
    assert_eq!(bench.partitions.finals(), vec![(slot(0), 1)]);
}

#[test]
fn a_stop_waits_only_for_what_is_under_way() {
    let mut bench = Bench::new();
    (0..3).for_each(|offset| bench.receive(record(0, offset, None)));
    let job = bench.start();
    bench.partitions.stop();
    assert_eq!(bench.partitions.running_here(), 1);
    bench.finish(job, retry(), Duration::ZERO);
    assert_eq!(bench.partitions.running_here(), 0);
    assert_eq!(bench.partitions.wake_at(), None, "nothing is tried again");
    assert_eq!(bench.budget.held(), (0, 0));
}

#[test]
fn what_leaves_is_released_in_groups_and_nothing_is_owed_at_the_end() {
    let mut bench = Bench::new();
    (0..100).for_each(|offset| bench.receive(record(0, offset, None)));
    bench.partitions.gather(true);
    for _ in 0..70 {
        let job = bench.start();
        bench.finish(job, Outcome::Handled, SECOND);
    }
    assert_eq!(bench.budget.held().0, 100 - 64, "a group has been released");
    bench.partitions.gather(false);
    assert_eq!(bench.budget.held().0, 30);
    let job = bench.start();
    bench.finish(job, Outcome::Handled, SECOND);
    assert_eq!(bench.budget.held().0, 29, "outside of a gathering each is released at once");
}
