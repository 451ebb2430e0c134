//! `okr-router warehouse`: the SQL database of progress.

mod forget;
mod rebuild;
mod status;

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;
use warehouse::migrate::{self, Plan, Step};

use crate::{
    cli::{
        Settings,
        warehouse::{Migrate, Warehouse},
    },
    config::{self, Reader, Whole},
    parts,
};

pub fn run(settings: &Settings, verb: &Warehouse) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    match verb {
        Warehouse::Migrate(options) => migrate(&whole, options),
        Warehouse::Status(output) => super::block_on(status::run(&whole, *output)),
        Warehouse::Forget(options) => super::block_on(forget::run(&whole, options)),
        Warehouse::Rebuild(options) => super::block_on(rebuild::run(&whole, options)),
    }
}

/// Shows what is missing; makes it with `--apply`.
fn migrate(whole: &Whole, options: &Migrate) -> Result<ExitCode> {
    let place = parts::warehouse(whole)?;
    let plan = super::block_on(async {
        let plan = if options.apply { migrate::apply(&place).await } else { migrate::plan(&place).await };
        plan.context("the warehouse (`warehouse.url`)")
    })?;
    show(options, &plan)?;
    Ok(ExitCode::SUCCESS)
}

fn show(options: &Migrate, plan: &Plan) -> Result<()> {
    let Plan { found, pending } = plan;
    if options.output.json {
        let step =
            |step: &Step| json!({ "version": step.version, "name": step.name, "checksum": step.checksum() });
        let steps: Vec<_> = pending.iter().map(step).collect();
        let shown = json!({ "found": found, "applied": options.apply, "steps": steps });
        super::put(&format!("{shown}\n"))?;
    } else {
        let lines = pending.iter().map(|step| format!("{:04} {}\n", step.version, step.name));
        super::put(&lines.collect::<String>())?;
    }
    match (pending.len(), options.apply) {
        (0, _) => eprintln!("the tables are up to date, at version {found}"),
        (steps, true) => {
            eprintln!("{steps} applied");
            if *found == 0 {
                eprintln!(
                    "nobody is forgotten here yet: if another warehouse has a list, take it along before the role starts \
                     (`okr-router warehouse forget --export` there, `--import FILE --apply` here)"
                );
            }
        }
        (steps, false) => eprintln!("{steps} to apply: `okr-router warehouse migrate --apply`"),
    }
    Ok(())
}
