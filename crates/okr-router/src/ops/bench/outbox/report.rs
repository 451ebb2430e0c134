//! What was measured, what it means beside the bars, and how it is shown. Pure.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::figures::Spread;

/// Events per second over Postgres, on two cores that it shares.
const BAR_POSTGRES: f64 = 2_000.0;
/// Events per second over the embedded store.
const BAR_EMBEDDED: f64 = 1_000.0;
/// With the longest history at least this share of the rate with the shortest counts as flat.
const FLAT: f64 = 0.8;
/// So much more memory with the longest history counts as flat.
const FLAT_BYTES: u64 = 16 << 20;
const MIB: f64 = 1_048_576.0;

/// One round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    pub events: u64,
    pub seconds: f64,
    /// Processor time of this process.
    pub processor: Option<Duration>,
    /// Its highest resident bytes.
    pub memory: Option<u64>,
    /// Write transactions.
    pub commits: u64,
}

impl Figures {
    fn per_second(&self) -> f64 {
        self.events as f64 / self.seconds.max(f64::EPSILON)
    }

    /// Microseconds of processor time per delivery.
    fn cost(&self) -> Option<f64> {
        Some(self.processor?.as_secs_f64() * 1e6 / self.events as f64)
    }

    fn json(&self) -> Value {
        json!({
            "seconds": self.seconds,
            "per_second": self.per_second(),
            "cpu_us_per_delivery": self.cost(),
            "memory_peak_bytes": self.memory,
            "commits": self.commits,
        })
    }
}

/// The rounds over one history.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    pub rows: u64,
    pub rounds: Vec<Figures>,
}

/// All that was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// `embedded` or `postgres`.
    pub home: &'static str,
    /// What they were made on.
    pub cores: usize,
    pub targets: u64,
    pub events: u64,
    pub floor: Vec<Figures>,
    pub histories: Vec<History>,
}

impl Report {
    /// Events per second that are demanded.
    pub fn bar(&self) -> f64 {
        if self.home == "postgres" { BAR_POSTGRES } else { BAR_EMBEDDED }
    }

    /// Every figure that is below its bar, in words.
    pub fn misses(&self) -> Vec<String> {
        let mut misses = Vec::new();
        for history in &self.histories {
            let rate = rate(&history.rounds);
            if rate < self.bar() {
                let rows = history.rows;
                misses.push(format!("{rate:.0}/s with a history of {rows} is below {:.0}/s", self.bar()));
            }
        }
        let share = self.rate_share();
        if share.is_some_and(|share| share < FLAT) {
            let share = percent(share);
            misses.push(format!("the rate with the longest history is {share} of that with the shortest"));
        }
        if let Some(more) = self.memory_growth().filter(|more| *more > FLAT_BYTES as f64) {
            misses.push(format!(
                "memory grew by {:.0} MiB from the shortest history to the longest",
                more / MIB
            ));
        }
        misses
    }

    /// The rate with the longest history as a share of that with the shortest.
    fn rate_share(&self) -> Option<f64> {
        let (shortest, longest) = self.ends()?;
        Some(rate(&longest.rounds) / rate(&shortest.rounds))
    }

    /// How many bytes the longest history costs beside the shortest; below zero where it costs less.
    fn memory_growth(&self) -> Option<f64> {
        let (shortest, longest) = self.ends()?;
        Some(memory(&longest.rounds)? - memory(&shortest.rounds)?)
    }

    fn ends(&self) -> Option<(&History, &History)> {
        let shortest = self.histories.iter().min_by_key(|history| history.rows)?;
        let longest = self.histories.iter().max_by_key(|history| history.rows)?;
        (shortest.rows < longest.rows).then_some((shortest, longest))
    }

    /// What a delivery costs us, as a multiple of the bare post.
    fn cost_ratio(&self, history: &History) -> Option<f64> {
        Some(cost(&history.rounds)? / cost(&self.floor)?)
    }

    pub fn json(&self) -> Value {
        let history = |history: &History| {
            json!({
                "rows": history.rows,
                "per_second": rate(&history.rounds),
                "cpu_us_per_delivery": cost(&history.rounds),
                "cpu_ratio": self.cost_ratio(history),
                "memory_peak_bytes": memory(&history.rounds),
                "rounds": history.rounds.iter().map(Figures::json).collect::<Vec<_>>(),
            })
        };
        let misses = self.misses();
        json!({
            "bench": "outbox",
            "store": self.home,
            "cores": self.cores,
            "targets": self.targets,
            "events": self.events,
            "bar": { "per_second": self.bar(), "rate_share": FLAT, "memory_growth_bytes": FLAT_BYTES },
            "met": misses.is_empty(),
            "misses": misses,
            "rate_share": self.rate_share(),
            "memory_growth_bytes": self.memory_growth(),
            "floor": {
                "per_second": rate(&self.floor),
                "cpu_us_per_delivery": cost(&self.floor),
                "memory_peak_bytes": memory(&self.floor),
                "rounds": self.floor.iter().map(Figures::json).collect::<Vec<_>>(),
            },
            "histories": self.histories.iter().map(history).collect::<Vec<_>>(),
        })
    }

    pub fn text(&self) -> String {
        let mut text = format!(
            "{} events for {} targets per round, store {}, {} cores; medians of {} rounds\n\n",
            self.events,
            self.targets,
            self.home,
            self.cores,
            self.floor.len()
        );
        let head = ["", "per second", "CPU per delivery", "of the floor", "peak memory", "events per commit"];
        row(&mut text, head.map(str::to_owned));
        row(&mut text, line("only posts", &self.floor, None));
        for history in &self.histories {
            let name = format!("history {}", history.rows);
            row(&mut text, line(&name, &history.rounds, self.cost_ratio(history)));
        }
        let _ = write!(text, "\nbar: {:.0} per second with every history", self.bar());
        if let Some(share) = self.rate_share() {
            let _ = write!(text, "; rate flat (at least {}): {}", percent(Some(FLAT)), percent(Some(share)));
        }
        if let Some(more) = self.memory_growth() {
            let _ =
                write!(text, "; memory flat (at most {} MiB more): {:+.1} MiB", FLAT_BYTES >> 20, more / MIB);
        }
        text.push('\n');
        let misses = self.misses();
        text.push_str(if misses.is_empty() { "met\n" } else { "missed: " });
        if !misses.is_empty() {
            let _ = writeln!(text, "{}", misses.join("; "));
        }
        text
    }
}

fn line(name: &str, rounds: &[Figures], ratio: Option<f64>) -> [String; 6] {
    let commits = median(rounds.iter().map(|round| round.commits as f64)).unwrap_or_default();
    let events = rounds.first().map_or(0.0, |round| round.events as f64);
    [
        name.to_owned(),
        format!("{:.0}", rate(rounds)),
        known(cost(rounds), |cost| format!("{cost:.0} µs")),
        known(ratio, |ratio| format!("{ratio:.2}")),
        known(memory(rounds), |bytes| format!("{:.1} MiB", bytes / MIB)),
        known((commits > 0.0).then(|| events / commits), |events| format!("{events:.1}")),
    ]
}

fn known(figure: Option<f64>, show: impl Fn(f64) -> String) -> String {
    figure.map_or_else(|| "-".to_owned(), show)
}

fn row(text: &mut String, cells: [String; 6]) {
    let [name, rate, cost, ratio, memory, commits] = cells;
    let _ = writeln!(text, "{name:<18}{rate:>12}{cost:>18}{ratio:>14}{memory:>14}{commits:>20}");
}

fn percent(share: Option<f64>) -> String {
    known(share, |share| format!("{:.0} %", share * 100.0))
}

fn rate(rounds: &[Figures]) -> f64 {
    median(rounds.iter().map(Figures::per_second)).unwrap_or_default()
}

fn cost(rounds: &[Figures]) -> Option<f64> {
    median(rounds.iter().filter_map(Figures::cost))
}

fn memory(rounds: &[Figures]) -> Option<f64> {
    median(rounds.iter().filter_map(|round| round.memory.map(|bytes| bytes as f64)))
}

/// The one in the middle, or the mean of the two; none of nothing.
pub fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let figures: Vec<f64> = figures.collect();
    (!figures.is_empty()).then(|| Spread::of(figures).median)
}
