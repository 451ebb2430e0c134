//! What was measured, and whether it is good enough. Pure.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

use super::{
    super::figures::{Bar, Spread},
    KEYS,
};
use crate::cli::bench::Worker as Options;

/// The runtime reaches at least this share of the bare loop's records per second.
const SHARE_MIN: f64 = 0.60;
/// It adds at most so many microseconds of processor time to a record.
const ADDED_US_MAX: f64 = 3.0;
/// With the slow handler it reaches at least this share of what its bound allows.
const IDEAL_SHARE_MIN: f64 = 0.90;

/// One round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    pub(super) records: u64,
    pub(super) wall: Duration,
    /// Processor time of the whole process, librdkafka's threads included.
    pub(super) cpu: Duration,
}

impl Round {
    /// Records per second.
    fn rate(&self) -> f64 {
        self.records as f64 / self.wall.as_secs_f64().max(f64::EPSILON)
    }

    /// Microseconds of processor time per record.
    fn cost_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.records.max(1) as f64
    }
}

/// Everything that was measured in one run.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) records: u64,
    pub(super) partitions: i32,
    pub(super) record_bytes: u64,
    /// Records per second that the bound allows the slow handler.
    pub(super) ideal: f64,
    pub(super) floor: Vec<Round>,
    pub(super) runtime: Vec<Round>,
    pub(super) slow: Vec<Round>,
}

impl Report {
    /// Nothing is measured yet.
    pub(super) fn new(options: &Options, record_bytes: u64, ideal: f64) -> Self {
        let Options { records, partitions, .. } = *options;
        Self { records, partitions, record_bytes, ideal, floor: vec![], runtime: vec![], slow: vec![] }
    }

    /// The last round of both, in a line.
    pub(super) fn last(&self) -> String {
        let one = |rounds: &[Round]| {
            let last = rounds.last().map(|round| (round.rate(), round.cost_us())).unwrap_or_default();
            format!("{:.0}/s, {:.2} µs", last.0, last.1)
        };
        format!("bare loop {}; runtime {}", one(&self.floor), one(&self.runtime))
    }

    /// The bar of this bench, line by line.
    pub(super) fn bars(&self) -> [Bar; 3] {
        let rate = |rounds: &[Round]| rates(rounds).median;
        let added = costs(&self.runtime).median - costs(&self.floor).median;
        let bar = |name, measured, bound, at_least| Bar { name, measured, bound, at_least };
        [
            bar("share_of_bare_loop", rate(&self.runtime) / rate(&self.floor).max(1.0), SHARE_MIN, true),
            bar("added_cpu_us_per_record", added, ADDED_US_MAX, false),
            bar("slow_share_of_ideal", rate(&self.slow) / self.ideal, IDEAL_SHARE_MIN, true),
        ]
    }

    /// Whether the whole bar is met.
    pub(super) fn is_met(&self) -> bool {
        self.bars().iter().all(Bar::is_met)
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let part = |rounds: &[Round]| {
            json!({ "records_per_second": rates(rounds).json(), "cpu_us_per_record": costs(rounds).json(),
                    "rounds": rounds.len() })
        };
        let bars = self.bars().map(|bar| bar.json());
        json!({
            "bench": "worker",
            "records": self.records, "partitions": self.partitions, "keys": KEYS,
            "record_bytes": self.record_bytes,
            "bare_loop": part(&self.floor), "runtime": part(&self.runtime), "slow_handler": part(&self.slow),
            "ideal_per_second": self.ideal,
            "bar": bars, "met": self.is_met(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, record_bytes, partitions, .. } = self;
        writeln!(f, "{records} records of {record_bytes} bytes, {KEYS} keys, {partitions} partitions\n")?;
        writeln!(
            f,
            "{:<26}{:>10} {:>19}   {:>9} {:>15}",
            "median (least to most)", "records/s", "", "CPU µs", ""
        )?;
        let parts = [
            ("bare loop", &self.floor),
            ("runtime, idle handler", &self.runtime),
            ("runtime, 50 ms handler", &self.slow),
        ];
        for (name, rounds) in parts {
            let (rate, cost) = (rates(rounds), costs(rounds));
            let rates = format!("({:.0} to {:.0})", rate.least, rate.most);
            let costs = format!("({:.2} to {:.2})", cost.least, cost.most);
            writeln!(f, "{name:<26}{:>10.0} {rates:>19}   {:>9.2} {costs:>15}", rate.median, cost.median)?;
        }
        let [share, added, slow] = self.bars();
        let word = |bar: &Bar| if bar.is_met() { "met" } else { "MISSED" };
        writeln!(f, "\n{:<38}{:>10}  {:>12}", "", "measured", "bar")?;
        let percent = |bar: &Bar| (bar.measured * 100.0, bar.bound * 100.0);
        let line = |f: &mut fmt::Formatter<'_>, name: &str, bar: &Bar| {
            let (measured, bound) = percent(bar);
            writeln!(f, "{name:<38}{measured:>8.1} %  {:>12}  {}", format!("≥ {bound:.0} %"), word(bar))
        };
        line(f, "records/s, share of the bare loop", &share)?;
        let bound = format!("≤ {:.1} µs", added.bound);
        writeln!(
            f,
            "{:<38}{:>7.2} µs  {bound:>12}  {}",
            "CPU added per record",
            added.measured,
            word(&added)
        )?;
        line(f, &format!("50 ms handler, share of {:.0}/s", self.ideal), &slow)
    }
}

fn rates(rounds: &[Round]) -> Spread {
    Spread::of(rounds.iter().map(Round::rate))
}

fn costs(rounds: &[Round]) -> Spread {
    Spread::of(rounds.iter().map(Round::cost_us))
}
