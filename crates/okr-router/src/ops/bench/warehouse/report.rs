//! What was measured, and whether it is good enough. Pure.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

use super::super::figures::{Bar, Spread};
use crate::cli::bench::Warehouse as Options;

/// Over Postgres it reaches at least this share of a plain COPY's rows per second.
const SHARE_MIN: f64 = 0.30;
/// What the process has at most, in bytes.
const MEMORY_MAX: f64 = 150e6;
/// Within so many milliseconds 99 of 100 single events are seen.
const SEEN_MS_MAX: f64 = 1_000.0;
/// Processor time is told for so many events.
const EVENTS: f64 = 10_000.0;

/// The part of a round that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lap {
    pub(super) records: u64,
    pub(super) wall: Duration,
    /// Of this process; none where it cannot be read.
    pub(super) cpu: Option<Duration>,
    pub(super) commits: u64,
    /// The highest resident bytes.
    pub(super) memory: Option<u64>,
}

/// One round of the warehouse, and what the tables held after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Round {
    pub(super) rows: u64,
    pub(super) subjects: u64,
    pub(super) days: u64,
    pub(super) lap: Lap,
}

/// One plain copy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Floor {
    pub(super) rows: u64,
    pub(super) wall: Duration,
    pub(super) cpu: Option<Duration>,
}

impl Floor {
    fn rate(&self) -> f64 {
        self.rows as f64 / self.wall.as_secs_f64().max(f64::EPSILON)
    }

    /// Seconds of processor time for [`EVENTS`].
    fn cost(&self) -> Option<f64> {
        Some(self.cpu?.as_secs_f64() * EVENTS / self.rows.max(1) as f64)
    }
}

/// Everything that was measured in one run.
#[derive(Debug)]
pub(super) struct Report {
    home: &'static str,
    cores: usize,
    options: Options,
    record_bytes: u64,
    pub(super) floor: Vec<Floor>,
    pub(super) rounds: Vec<Round>,
    /// How long each single event took, in order.
    pub(super) singles: Vec<Duration>,
}

impl Report {
    /// Nothing is measured yet.
    pub(super) fn new(home: &'static str, options: &Options, record_bytes: u64) -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let options = options.clone();
        Self { home, cores, options, record_bytes, floor: vec![], rounds: vec![], singles: vec![] }
    }

    /// Rows per second: a record that repeats an event makes none.
    fn rate(&self, round: &Round) -> f64 {
        let rows = round.rows as f64 / self.options.records.max(1) as f64;
        rows * round.lap.records as f64 / round.lap.wall.as_secs_f64().max(f64::EPSILON)
    }

    /// The last round of both, in a line.
    pub(super) fn last(&self) -> String {
        let (floor, round) = (self.floor.last().map(Floor::rate), self.rounds.last());
        let (floor, ours) = (floor.unwrap_or_default(), round.map_or(0.0, |round| self.rate(round)));
        format!(
            "{floor:.0} rows per second copied, {ours:.0} taken in, {:.0} %",
            100.0 * ours / floor.max(1.0)
        )
    }

    fn floor_rates(&self) -> Spread {
        Spread::of(self.floor.iter().map(Floor::rate))
    }

    fn rates(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|round| self.rate(round)))
    }

    /// Seconds of processor time of our process for [`EVENTS`].
    fn costs(&self) -> Spread {
        let cost = |lap: &Lap| Some(lap.cpu?.as_secs_f64() * EVENTS / lap.records.max(1) as f64);
        Spread::of(self.rounds.iter().filter_map(|round| cost(&round.lap)))
    }

    fn memory(&self) -> Spread {
        Spread::of(self.rounds.iter().filter_map(|round| round.lap.memory.map(|bytes| bytes as f64)))
    }

    /// The time within which so large a part of the single events was seen, in milliseconds.
    fn seen_ms(&self, part: f64) -> f64 {
        let place = (part * self.singles.len() as f64).ceil() as usize;
        let time = self.singles.get(place.saturating_sub(1)).copied().unwrap_or_default();
        time.as_secs_f64() * 1e3
    }

    /// The bar of this bench, line by line. There is no COPY into a file, so the share is told and not judged there.
    pub(super) fn bars(&self) -> Vec<Bar> {
        let share = self.rates().median / self.floor_rates().median.max(1.0);
        let bar = |name, measured, bound, at_least| Bar { name, measured, bound, at_least };
        let share = bar("share_of_plain_copy", share, if self.is_judged() { SHARE_MIN } else { 0.0 }, true);
        let memory = bar("memory_peak_bytes", self.memory().most, MEMORY_MAX, false);
        vec![share, memory, bar("single_event_p99_ms", self.seen_ms(0.99), SEEN_MS_MAX, false)]
    }

    fn is_judged(&self) -> bool {
        self.home == "postgres"
    }

    /// Whether the whole bar is met.
    pub(super) fn is_met(&self) -> bool {
        self.bars().iter().all(Bar::is_met)
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let Options { records, subjects, days, partitions, .. } = self.options;
        let last = self.rounds.last();
        let tables = last.map(|round| {
            json!({ "okr_events": round.rows, "okr_state": round.subjects, "okr_progress_daily": round.days })
        });
        let commits = Spread::of(self.rounds.iter().map(|round| round.lap.commits as f64));
        json!({
            "bench": "warehouse",
            "home": self.home, "cores": self.cores, "records": records, "record_bytes": self.record_bytes,
            "subjects": subjects, "days": days, "partitions": partitions, "rounds": self.rounds.len(),
            "tables": tables,
            "plain_copy": {
                "rows_per_second": self.floor_rates().json(),
                "cpu_s_per_10000_rows": Spread::of(self.floor.iter().filter_map(Floor::cost)).json(),
            },
            "warehouse": {
                "rows_per_second": self.rates().json(),
                "cpu_s_per_10000_events": self.costs().json(),
                "memory_peak_bytes": self.memory().json(),
                "commits": commits.json(),
            },
            "single_event_ms": {
                "events": self.singles.len(), "p50": self.seen_ms(0.5), "p99": self.seen_ms(0.99),
                "max": self.seen_ms(1.0),
            },
            "bar": self.bars().iter().map(Bar::json).collect::<Vec<_>>(),
            "met": self.is_met(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { records, subjects, days, partitions, .. } = self.options;
        let Self { home, cores, record_bytes, .. } = self;
        writeln!(
            f,
            "{records} records of {record_bytes} bytes about {subjects} key results in {days} days, {partitions} \
             partitions; {home}, {cores} cores"
        )?;
        if let Some(Round { rows, subjects, days, .. }) = self.rounds.last() {
            writeln!(f, "{rows} events, {subjects} states, {days} days of them\n")?;
        }
        writeln!(
            f,
            "{:<26}{:>10} {:>21}   {:>20}",
            "median (least to most)", "rows/s", "", "CPU s per 10,000"
        )?;
        let floor = Spread::of(self.floor.iter().filter_map(Floor::cost));
        let plain = if self.is_judged() { "plain COPY" } else { "plain INSERT" };
        let parts = [(plain, self.floor_rates(), floor), ("the warehouse", self.rates(), self.costs())];
        for (name, rate, cost) in parts {
            let rates = format!("({:.0} to {:.0})", rate.least, rate.most);
            writeln!(f, "{name:<26}{:>10.0} {rates:>21}   {:>20.3}", rate.median, cost.median)?;
        }
        writeln!(
            f,
            "\na single event is seen after {:.0} ms (p50), {:.0} ms (p99), {:.0} ms at most, of {}",
            self.seen_ms(0.5),
            self.seen_ms(0.99),
            self.seen_ms(1.0),
            self.singles.len()
        )?;
        writeln!(f, "\n{:<34}{:>12}  {:>12}", "", "measured", "bar")?;
        let shown = |bar: &Bar, value: f64| match bar.name {
            "share_of_plain_copy" => format!("{:.0} %", value * 100.0),
            "memory_peak_bytes" => format!("{:.0} MB", value / 1e6),
            _ => format!("{value:.0} ms"),
        };
        let names = ["rows/s, share of the plain ones", "peak memory", "a single event, p99"];
        for (name, bar) in names.iter().zip(self.bars()) {
            let measured = shown(&bar, bar.measured);
            if bar.bound == 0.0 {
                writeln!(f, "{name:<34}{measured:>12}")?;
                continue;
            }
            let bound = format!("{} {}", if bar.at_least { "≥" } else { "≤" }, shown(&bar, bar.bound));
            let word = if bar.is_met() { "met" } else { "MISSED" };
            writeln!(f, "{name:<34}{measured:>12}  {bound:>12}  {word}")?;
        }
        Ok(())
    }
}
