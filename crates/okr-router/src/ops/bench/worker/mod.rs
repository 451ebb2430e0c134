//! `okr-router bench worker`: the consumer runtime beside a bare consumer loop, on one topic, in one run.

mod floor;
mod lap;
mod report;
mod runtime;
#[cfg(test)]
mod tests;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use bus::{Membership, Start};
use jiff::Timestamp;
use wire::Decoder;
use worker::WorkerConfig;

use super::{
    load::{Load, check_in},
    topic::with_topic,
};
use crate::{
    cli::{Settings, bench::Worker as Options},
    config::{self, Reader},
};
use lap::Lap;
use report::{Report, Round};

/// Subjects, and so lanes.
const KEYS: u64 = 1_000;
/// What the slow handler takes for a record.
const SLOW: Duration = Duration::from_millis(50);
/// Rounds with the slow handler, which sleeps and so varies little.
const SLOW_ROUNDS: u64 = 3;

pub fn run(settings: &Settings, options: &Options) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    boot::logs(&whole.shared.log).map_err(|error| anyhow::anyhow!(error))?;
    // A service pays for its metrics, too.
    boot::metrics_handle();
    // As a service's, not as a command's: the work is shared between all cores.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let measured = with_topic(&whole, options.partitions, async |settings, topic| {
        rounds(settings, options, &topic).await
    });
    let done = runtime.block_on(measured);
    runtime.shutdown_background();
    let report = done?;
    let text = if options.output.json { format!("{}\n", report.json()) } else { report.to_string() };
    crate::ops::put(&text)?;
    let missed = options.check && !report.is_met();
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Both in turns, so that what disturbs the machine disturbs both; each round in a group of its own.
async fn rounds(settings: bus::Settings, options: &Options, topic: &str) -> Result<Report> {
    let (encoder, decoder) = wire::alone()?;
    eprintln!("filling {topic} with {} records", options.records);
    let load = Load { topic, partitions: options.partitions, records: options.records };
    let now = Timestamp::now();
    let record_bytes = load.fill(&settings, &encoder, |number| check_in(number, number % KEYS, now)).await?;
    let course = Course { settings, topic: topic.to_owned(), decoder, config: WorkerConfig::default() };
    let mut report = Report::new(options, record_bytes, course.ideal());
    for number in 1..=options.rounds {
        report.floor.push(course.floor(&format!("floor-{number}"), options.records).await?);
        report.runtime.push(course.runtime(&format!("runtime-{number}"), options.records, None).await?);
        eprintln!("round {number} of {}: {}", options.rounds, report.last());
    }
    for number in 1..=options.rounds.min(SLOW_ROUNDS) {
        let records = options.records.min(options.slow_records);
        report.slow.push(course.runtime(&format!("slow-{number}"), records, Some(SLOW)).await?);
    }
    Ok(report)
}

/// What is the same in all rounds.
struct Course {
    settings: bus::Settings,
    topic: String,
    decoder: Decoder,
    config: WorkerConfig,
}

impl Course {
    /// Records per second of the slow handler if nothing but the bound held it back.
    fn ideal(&self) -> f64 {
        self.config.in_flight_max as f64 / SLOW.as_secs_f64()
    }

    async fn floor(&self, name: &str, records: u64) -> Result<Round> {
        let membership = Membership {
            group: format!("{}.{name}", self.topic),
            topics: vec![self.topic.clone()],
            gate: Arc::new(floor::NoGate),
            revoke_grace: self.config.drain_grace.0,
            start: Start::Committed,
            mix: bus::Mix::Fine,
        };
        let lap = Arc::new(Lap::new(records));
        let consumer = bus::Bare::join(&self.settings, &membership)?;
        let (decoder, counted) = (self.decoder.clone(), lap.clone());
        let here = tokio::runtime::Handle::current();
        // A thread of its own, on which nothing else is scheduled: the least that such a loop can cost.
        let task =
            tokio::task::spawn_blocking(move || here.block_on(floor::consume(consumer, decoder, counted)));
        let round = lap.round().await;
        match round {
            Ok(round) => task.await?.map(|()| round),
            Err(why) => bail!("the bare loop did not come to its end: {why}"),
        }
    }

    async fn runtime(&self, name: &str, records: u64, pause: Option<Duration>) -> Result<Round> {
        let lap = Arc::new(Lap::new(records));
        let handler = runtime::Idle { decoder: self.decoder.clone(), pause, lap: lap.clone() };
        let (topic, group) = (self.topic.clone(), format!("{}.{name}", self.topic));
        let started = runtime::start(handler, topic, group, self.settings.clone(), self.config);
        let round = lap.round().await;
        started.stop().await?;
        round.map_err(|why| anyhow::anyhow!("the runtime did not come to its end: {why}"))
    }
}
