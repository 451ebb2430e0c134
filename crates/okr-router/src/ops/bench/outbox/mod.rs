//! `okr-router bench outbox`: the delivery engine over the configured kind of store, beside a bare loop that only posts.
//!
//! Rounds alternate: the bare loop, then the engine over each history. So whatever else the machine does meets all of
//! them alike.

mod floor;
mod load;
mod receiver;
mod report;
mod run;

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::{Context, Result};
use outbox::OutboxConfig;
use store::Trial;

use crate::{
    cli::{Settings, bench::Outbox},
    config::{self, Reader, Whole},
    parts,
};
use load::Load;
use receiver::Receiver;
use report::{Figures, History, Report};

/// What is posted before anything is measured, so that connections are there.
const WARM_UP: u64 = 2_000;

pub fn run(settings: &Settings, options: &Outbox) -> Result<ExitCode> {
    if options.receive {
        return crate::ops::block_on(receiver::serve()).map(|()| ExitCode::SUCCESS);
    }
    // As a role's: a thread per core.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("the async runtime did not start")?;
    let done = runtime.block_on(async {
        let whole = config::read(settings, Reader::Command)?;
        let report = measure(&whole, options).await?;
        let shown = if options.output.json { format!("{}\n", report.json()) } else { report.text() };
        crate::ops::put(&shown)?;
        let failed = options.check && !report.misses().is_empty();
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    });
    runtime.shutdown_background();
    done
}

async fn measure(whole: &Whole, options: &Outbox) -> Result<Report> {
    let config: OutboxConfig = whole.document.section("outbox")?;
    let url = parts::store_url(whole)?;
    // A role has a recorder, and what it costs belongs to the figures.
    boot::metrics_handle();
    let mut receiver = Receiver::start().await?;
    let load = Load::new(options.events, options.targets, receiver.address())?;
    let mut trials = Vec::new();
    let measured = async {
        for rows in &options.history.iter().copied().collect::<BTreeSet<_>>() {
            eprintln!("a history of {rows} deliveries is made");
            let trial = Trial::open(url.expose(), &format!("okr_router_bench_{rows}")).await;
            let trial = trial.context("no place to measure in")?;
            trials.push((*rows, trial));
            let (_, trial) = trials.last().context("it was just put there")?;
            trial.fill(run::SERVICE, &load.names(), *rows).await.context("the history was not made")?;
        }
        rounds(options, (&config, &load), &trials, &mut receiver).await
    };
    let measured = measured.await;
    let home = trials.first().map_or("", |(_, trial)| trial.place().0);
    for (_, trial) in trials {
        let place = trial.place().1;
        trial.clear().await.with_context(|| format!("{place} was not removed"))?;
    }
    let (floor, histories) = measured?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    Ok(Report { home, cores, targets: options.targets, events: options.events, floor, histories })
}

async fn rounds(
    options: &Outbox,
    (config, load): (&OutboxConfig, &Load),
    trials: &[(u64, Trial)],
    receiver: &mut Receiver,
) -> Result<(Vec<Figures>, Vec<History>)> {
    let mut floor = Vec::new();
    let mut histories: Vec<History> =
        trials.iter().map(|(rows, _)| History { rows: *rows, rounds: Vec::new() }).collect();
    floor::post(&load.of(load.events.min(WARM_UP)), receiver).await?;
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        floor.push(floor::post(load, receiver).await?);
        for ((rows, trial), history) in trials.iter().zip(&mut histories) {
            let measured = run::deliver(load, config, trial, receiver).await;
            history.rounds.push(measured.with_context(|| format!("with a history of {rows} deliveries"))?);
        }
    }
    Ok((floor, histories))
}

#[cfg(test)]
mod tests;
