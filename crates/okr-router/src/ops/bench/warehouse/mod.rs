//! `okr-router bench warehouse`: events from a topic into the warehouse's tables, beside a plain COPY of the same rows.
//!
//! Rounds alternate: the warehouse into empty tables, then a plain copy of what it wrote. So whatever else the machine
//! does meets both alike.

mod events;
mod member;
mod report;
mod singles;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use ::warehouse::Trial;
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use wire::{Decoder, Encoder};
use worker::WorkerConfig;

use super::{load::Load, meter, topic::with_topic};
use crate::{
    cli::{Settings, bench::Warehouse as Options},
    config::{self, Reader, Whole},
    parts,
};
use events::Events;
use report::{Floor, Report, Round};

/// Names the schema, or the file.
const TRIAL: &str = "okr_router_bench_warehouse";

pub fn run(settings: &Settings, options: &Options) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    boot::logs(&whole.shared.log).map_err(|error| anyhow::anyhow!(error))?;
    // A role has a recorder, and what it costs belongs to the figures.
    boot::metrics_handle();
    // As a role's: a thread per core.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(measured(&whole, options));
    runtime.shutdown_background();
    let report = done?;
    let text = if options.output.json { format!("{}\n", report.json()) } else { report.to_string() };
    crate::ops::put(&text)?;
    let missed = options.check && !report.is_met();
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Makes a place, measures in it, and clears it again, whatever came of it.
async fn measured(whole: &Whole, options: &Options) -> Result<Report> {
    let config: WorkerConfig = whole.document.section("worker")?;
    let ::warehouse::WarehouseConfig { writers, .. } = whole.document.section("warehouse")?;
    let trial = Trial::open(&parts::warehouse(whole)?, TRIAL).await;
    let trial = trial.context("no place to measure in (`warehouse.url`)")?;
    let report = with_topic(whole, options.partitions, async |settings, topic| {
        let (encoder, decoder) = wire::alone()?;
        let course = Course { settings, topic, encoder, decoder, config, writers, options: options.clone() };
        course.report(&trial).await
    });
    let report = report.await;
    trial.clear().await.context("what was made in the warehouse's database was not removed")?;
    report
}

/// What is the same in all rounds.
struct Course {
    settings: bus::Settings,
    topic: String,
    encoder: Encoder,
    decoder: Decoder,
    config: WorkerConfig,
    writers: usize,
    options: Options,
}

impl Course {
    async fn report(&self, trial: &Trial) -> Result<Report> {
        let Options { records, partitions, rounds, .. } = self.options;
        let events = Events::new(&self.options, Timestamp::now());
        eprintln!("filling {} with {records} records", self.topic);
        let load = Load { topic: &self.topic, partitions, records };
        let record_bytes = load.fill(&self.settings, &self.encoder, |number| events.event(number)).await?;
        let mut report = Report::new(trial.home(), &self.options, record_bytes);
        for number in 1..=rounds {
            let round = self.round(trial, &format!("round-{number}")).await?;
            let copied = trial.copy_plainly(self.config.batch.records_max, meter::used).await?;
            ensure!(copied.rows == round.rows, "{} rows were copied, of {}", copied.rows, round.rows);
            report.rounds.push(round);
            report.floor.push(Floor { rows: copied.rows, wall: copied.wall, cpu: copied.processor });
            eprintln!("round {number} of {rounds}: {}", report.last());
        }
        report.singles = singles::measure(self, trial, &events).await?;
        Ok(report)
    }

    /// Everything on the topic, into empty tables.
    async fn round(&self, trial: &Trial, name: &str) -> Result<Round> {
        trial.empty().await?;
        let member = self.member(trial, name).await?;
        let lap = member.lap(self.options.records).await;
        member.stop().await?;
        let lap = lap?;
        let status = ::warehouse::status(trial.place()).await?;
        let (rows, subjects, days) = (status.events, status.subjects, status.days);
        let distinct = Events::distinct(self.options.records);
        ensure!(u64::try_from(rows)? == distinct, "{rows} rows came of {distinct} events");
        Ok(Round { rows: distinct, subjects: u64::try_from(subjects)?, days: u64::try_from(days)?, lap })
    }
}
