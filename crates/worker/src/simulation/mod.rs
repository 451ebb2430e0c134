//! Random schedules of everything that can happen to the members of a group, and the ten invariants as laws.
//!
//! Two processes share a broker and a store. At any step one may crash, stop and come back too late, lose its
//! partitions, be asked to hand them back; handlers fail, hang, reject; commits and acknowledgements get lost. What is
//! judged is [`broken`] by the number of an invariant (ARCHITECTURE.md, "Invariants").
//!
//! `OKR_SIM_SEED` runs one schedule, `OKR_SIM_SCHEDULES` says how many are tried.

mod broker;
mod faults;
mod invariants;
mod member;
mod world;

use std::fmt;
use std::time::Duration;

use bus::{Headers, InRecord, Slot};
use bytes::Bytes;

use crate::faults::Fault;
use crate::partitions::Rules;
use crate::{FuseConfig, RetryConfig};
use broker::Claiming;
use world::World;

const PARTITIONS: i32 = 3;
const SECOND: Duration = Duration::from_secs(1);
/// How many random steps one schedule has, before everything heals.
const STEPS: usize = 250;
/// How many schedules the test command runs.
const SCHEDULES: u64 = 10_000;

/// A law that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The number of the invariant.
    pub law: u8,
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invariant {}: {}", self.law, self.what)
    }
}

type Verdict = Result<(), Broken>;

fn broken(law: u8, what: String) -> Verdict {
    Err(Broken { law, what })
}

/// The bugs of one simulated service: those of the runtime, and those that its handler or its surroundings can have.
#[derive(Debug, Clone, Copy)]
struct Bugs {
    fault: Option<Fault>,
    claiming: Claiming,
    /// Dead letters lose their value.
    rewritten: bool,
    /// The budget has no bound.
    unbounded: bool,
}

const SOUND: Bugs = Bugs { fault: None, claiming: Claiming::Together, rewritten: false, unbounded: false };

fn rules() -> Rules {
    Rules {
        attempts_max: 3,
        backoff: RetryConfig::default().into(),
        in_flight_max: 8,
        drain_grace: SECOND * 10,
        fuse: FuseConfig { in_a_row: 4, percent: 100 },
    }
}

fn slot(partition: i32) -> Slot {
    Slot::new("okr.events", partition)
}

fn record(partition: i32, offset: i64, key: Option<&str>) -> InRecord {
    let mut headers = Headers::default();
    headers.push("ce_id", "1");
    InRecord {
        slot: slot(partition),
        offset,
        timestamp_ms: Some(offset),
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::from_static(b"value")),
        headers,
    }
}

/// Runs one schedule; a panic of the runtime breaks the law of no number.
fn run(seed: u64, bugs: Bugs) -> Verdict {
    let caught = std::panic::catch_unwind(|| live(seed, bugs));
    caught.unwrap_or_else(|_| broken(0, "the runtime panics, see above".to_owned()))
}

/// Random steps, then everything heals and must come to an end.
fn live(seed: u64, bugs: Bugs) -> Verdict {
    let mut world = World::new(seed, bugs);
    for _ in 0..STEPS {
        world.step()?;
    }
    world.settle()
}

/// Runs many schedules on all cores; answers the first seed that breaks a law, and which.
fn search(schedules: u64, bugs: Bugs) -> Option<(u64, Broken)> {
    search_for(schedules, bugs, |_| true)
}

/// As [`search`], for one of the `wanted` laws.
fn search_for(schedules: u64, bugs: Bugs, wanted: impl Fn(u8) -> bool + Sync) -> Option<(u64, Broken)> {
    let wanted = &wanted;
    let breaks =
        move |seed| run(seed, bugs).err().filter(|broken| wanted(broken.law)).map(|broken| (seed, broken));
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        let shares = (0..cores)
            .map(|core| scope.spawn(move || (core..schedules).step_by(cores as usize).find_map(breaks)));
        let shares: Vec<_> = shares.collect();
        let found = shares.into_iter().filter_map(|share| share.join().expect("a schedule panics"));
        found.min_by_key(|(seed, _)| *seed)
    })
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text}")))
}

#[test]
fn every_invariant_holds_in_every_schedule() {
    if let Some(seed) = number("OKR_SIM_SEED") {
        return run(seed, SOUND).unwrap_or_else(|broken| panic!("OKR_SIM_SEED={seed} breaks {broken}"));
    }
    let schedules = number("OKR_SIM_SCHEDULES").unwrap_or(SCHEDULES);
    if let Some((seed, broken)) = search(schedules, SOUND) {
        panic!("OKR_SIM_SEED={seed} breaks {broken}");
    }
}
