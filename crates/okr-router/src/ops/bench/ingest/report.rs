//! What was measured, and whether it is good enough. Pure.

use std::{fmt, ops::AddAssign, time::Duration};

use serde_json::{Value, json};

use super::super::figures::Spread;
use crate::cli::bench::Serve;

/// The gateway's processor time per request, as a multiple of the floor's, without and with arrivals.
const RATIO_MAX: [f64; 2] = [1.4, 1.9];
const P50_MAX: Duration = Duration::from_millis(3);
/// The 99th percentile, as a multiple of the floor's.
const P99_RATIO_MAX: f64 = 3.0;
const MEMORY_MAX: u64 = 64 << 20;
/// A webhook of a batch, as a share of one alone.
const BATCH_SHARE_MAX: f64 = 0.2;
const MIB: f64 = 1_048_576.0;
const SERVERS: usize = Serve::ALL.len();

/// One round of one server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    pub requests: u64,
    pub wall: Duration,
    /// Processor time of the server's process.
    pub cpu: Duration,
}

impl AddAssign for Round {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.wall += more.wall;
        self.cpu += more.cpu;
    }
}

impl Round {
    fn rate(&self) -> f64 {
        self.requests as f64 / self.wall.as_secs_f64().max(f64::EPSILON)
    }

    fn cost_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests.max(1) as f64
    }
}

/// All rounds with so many connections, by server in the order of [`Serve::ALL`].
#[derive(Debug, Default)]
pub struct Course {
    pub connections: u64,
    pub rounds: [Vec<Round>; SERVERS],
}

impl Course {
    fn cost(&self, server: usize) -> Spread {
        Spread::of(self.rounds[server].iter().map(Round::cost_us))
    }

    fn rate(&self, server: usize) -> Spread {
        Spread::of(self.rounds[server].iter().map(Round::rate))
    }

    /// Processor time per request as a multiple of the floor's.
    pub fn ratio(&self, server: usize) -> f64 {
        self.cost(server).median / self.cost(0).median.max(f64::EPSILON)
    }

    /// The newest round in a line.
    pub fn last(&self) -> String {
        let one = |(serve, rounds): (Serve, &Vec<Round>)| {
            rounds.last().map(|round| format!("{} {:.1} µs", serve.name(), round.cost_us()))
        };
        let shown: Vec<String> = Serve::ALL.into_iter().zip(&self.rounds).filter_map(one).collect();
        shown.join(", ")
    }
}

/// Processor time per webhook, medians, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch {
    pub alone: f64,
    pub batched: f64,
    pub share: f64,
}

/// Everything that was measured in one run.
#[derive(Debug, Default)]
pub struct Report {
    pub requests: u64,
    pub courses: Vec<Course>,
    /// Webhooks alone, and the same in batches right after, by server; the floor has none.
    pub batches: [Vec<(Round, Round)>; SERVERS],
    /// At a steady pace, sorted, by server.
    pub latencies: [Vec<Duration>; SERVERS],
    /// The most memory that each server ever held, in bytes; none where it cannot be read.
    pub memory: Vec<Option<u64>>,
}

impl Report {
    /// What is beyond its bar, in words.
    pub fn misses(&self) -> Vec<String> {
        let mut misses = Vec::new();
        for course in &self.courses {
            for (server, bar) in (1..SERVERS).zip(RATIO_MAX) {
                let ratio = course.ratio(server);
                if ratio > bar {
                    let (name, connections) = (Serve::ALL[server].name(), course.connections);
                    misses.push(format!(
                        "{name} at {connections} connections costs {ratio:.2} of the floor, not {bar}"
                    ));
                }
            }
        }
        for server in 1..SERVERS {
            let name = Serve::ALL[server].name();
            let share = self.batch(server).share;
            if share > BATCH_SHARE_MAX {
                misses.push(format!("{name}: a webhook of a batch costs {share:.2} of one alone"));
            }
            let (p50, p99) = (self.percentile(server, 50), self.percentile(server, 99));
            if p50 > P50_MAX {
                misses.push(format!("{name}: half of the answers take more than {:.1} ms", millis(p50)));
            }
            if p99.as_secs_f64() > self.percentile(0, 99).as_secs_f64() * P99_RATIO_MAX {
                misses.push(format!("{name}: the slowest hundredth takes {:.1} ms", millis(p99)));
            }
            if let Some(bytes) =
                self.memory.get(server).copied().flatten().filter(|bytes| *bytes > MEMORY_MAX)
            {
                misses.push(format!("{name} held {:.1} MiB", bytes as f64 / MIB));
            }
        }
        misses
    }

    /// What webhooks cost alone and in batches; nothing was measured: nothing.
    pub fn batch(&self, server: usize) -> Batch {
        let rounds = &self.batches[server];
        if rounds.is_empty() {
            return Batch::default();
        }
        let alone = Spread::of(rounds.iter().map(|(alone, _)| alone.cost_us())).median;
        let batched = Spread::of(rounds.iter().map(|(_, batched)| batched.cost_us())).median;
        Batch { alone, batched, share: batched / alone.max(f64::EPSILON) }
    }

    /// How long the answers of that percentile took; nothing was measured: no time.
    pub fn percentile(&self, server: usize, percent: usize) -> Duration {
        let times = &self.latencies[server];
        let at = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(at).copied().unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        let servers = |course: &Course| -> Value {
            let one = |server: usize| {
                json!({
                    "server": Serve::ALL[server].name(),
                    "cpu_us_per_request": course.cost(server).json(),
                    "per_second": course.rate(server).json(),
                    "ratio": course.ratio(server),
                })
            };
            (0..SERVERS).map(one).collect()
        };
        let latency = |server: usize| {
            json!({
                "server": Serve::ALL[server].name(),
                "p50_ms": millis(self.percentile(server, 50)),
                "p99_ms": millis(self.percentile(server, 99)),
                "batch": {
                    "webhooks": super::client::BATCH,
                    "alone_cpu_us": self.batch(server).alone,
                    "batched_cpu_us": self.batch(server).batched,
                    "share": self.batch(server).share,
                },
                "memory_peak_bytes": self.memory.get(server).copied().flatten(),
            })
        };
        let misses = self.misses();
        json!({
            "bench": "ingest",
            "requests": self.requests,
            "body_bytes": super::client::BODY_BYTES,
            "courses": self.courses.iter()
                .map(|course| json!({ "connections": course.connections, "servers": servers(course) }))
                .collect::<Vec<_>>(),
            "servers": (0..SERVERS).map(latency).collect::<Vec<_>>(),
            "bar": { "ratio": RATIO_MAX, "p50_ms": millis(P50_MAX), "p99_ratio": P99_RATIO_MAX, "batch_share": BATCH_SHARE_MAX, "memory_bytes": MEMORY_MAX },
            "met": misses.is_empty(),
            "misses": misses,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests of {} bytes per round, servers started for each; medians (least to most)\n",
            self.requests,
            super::client::BODY_BYTES
        )?;
        for course in &self.courses {
            writeln!(f, "{} connections", course.connections)?;
            for (server, serve) in Serve::ALL.into_iter().enumerate() {
                let (cost, rate) = (course.cost(server), course.rate(server));
                let spread = format!("({:.1} to {:.1})", cost.least, cost.most);
                let name = serve.name();
                let ratio = course.ratio(server);
                writeln!(
                    f,
                    "  {name:<18}{:>8.1} µs {spread:>16}{ratio:>8.2}×{:>10.0}/s",
                    cost.median, rate.median
                )?;
            }
        }
        writeln!(f, "\nwebhooks alone, and in batches of {}", super::client::BATCH)?;
        for (server, serve) in Serve::ALL.into_iter().enumerate().skip(1) {
            let Batch { alone, batched, share } = self.batch(server);
            writeln!(f, "  {:<18}{alone:>8.1} µs{batched:>8.1} µs{share:>8.3}×", serve.name())?;
        }
        writeln!(
            f,
            "\nat {} requests/s{:>12}{:>12}{:>16}",
            super::STROLL_PER_SECOND,
            "p50",
            "p99",
            "peak memory"
        )?;
        for (server, serve) in Serve::ALL.into_iter().enumerate() {
            let (p50, p99) = (millis(self.percentile(server, 50)), millis(self.percentile(server, 99)));
            let memory = self.memory.get(server).copied().flatten().unwrap_or_default() as f64 / MIB;
            writeln!(f, "  {:<16}{p50:>9.2} ms{p99:>9.2} ms{memory:>12.1} MiB", serve.name())?;
        }
        let misses = self.misses();
        let [lean, full] = RATIO_MAX;
        writeln!(
            f,
            "\nbar: {lean}× without and {full}× with arrivals, p50 {:.0} ms, p99 {P99_RATIO_MAX}× the floor's, {BATCH_SHARE_MAX} in a batch, {} MiB",
            millis(P50_MAX),
            MEMORY_MAX >> 20
        )?;
        if misses.is_empty() { writeln!(f, "met") } else { writeln!(f, "missed: {}", misses.join("; ")) }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
