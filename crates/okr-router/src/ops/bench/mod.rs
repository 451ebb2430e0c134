//! `okr-router bench`: measures against the bare floor in the same run.

mod figures;
mod ingest;
mod load;
mod meter;
mod outbox;
mod peak;
mod topic;
mod warehouse;
mod worker;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Settings, bench::Bench};

pub fn run(settings: &Settings, verb: &Bench) -> Result<ExitCode> {
    match verb {
        Bench::Ingest(options) => ingest::run(settings, options),
        Bench::Worker(options) => worker::run(settings, options),
        Bench::Outbox(options) => outbox::run(settings, options),
        Bench::Warehouse(options) => warehouse::run(settings, options),
    }
}
