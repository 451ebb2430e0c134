//! `okr-router schemas`: the registry against this release.

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;
use wire::{FULL_TRANSITIVE, Fit, Standing};

use crate::{
    cli::{Schemas, Settings},
    config::{self, Reader, Whole},
    parts,
};

/// Shows how the schemas stand; `register --apply` registers them and sets the compatibility level.
///
/// `check` fails where a schema is missing or does not fit, so that a pipeline can stop on it.
pub fn run(settings: &Settings, verb: &Schemas) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    let (json, apply, checks) = match verb {
        Schemas::Check(output) => (output.json, false, true),
        Schemas::Register(options) => (options.output.json, options.apply, false),
    };
    let standings = super::block_on(register(&whole, apply))?;
    super::put(&show(&standings, json))?;
    let broken = standings.iter().any(|standing| matches!(standing.fit, Fit::Broken(_)));
    let open = standings.iter().filter(|standing| !standing.is_settled()).count();
    if broken {
        eprintln!("a schema does not fit the registered versions: nothing can be registered until it does");
    } else if open > 0 {
        eprintln!("{open} to register: `okr-router schemas register --apply`");
    }
    Ok(if broken || (checks && open > 0) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// How the schemas stand, after they were registered if `apply`.
pub async fn register(whole: &Whole, apply: bool) -> Result<Vec<Standing>> {
    let registry = parts::registry(whole)?;
    let standings = if apply { registry.register().await } else { registry.check().await };
    standings.context("the schema registry (`registry.url`)")
}

fn show(standings: &[Standing], json: bool) -> String {
    if json {
        return format!("{}\n", serde_json::Value::from_iter(standings.iter().map(row)));
    }
    let mut shown = String::new();
    for standing in standings {
        let id = standing.id.map_or("not registered".to_owned(), |id| format!("id {id}"));
        let level = match standing.level.as_deref() {
            None => format!("no compatibility level yet, {FULL_TRANSITIVE} is wanted"),
            Some(FULL_TRANSITIVE) => FULL_TRANSITIVE.to_owned(),
            Some(other) => format!("{other}, {FULL_TRANSITIVE} is wanted"),
        };
        shown.push_str(&format!("{}: {id}, {level}\n", standing.subject));
        if let Fit::Broken(reasons) = &standing.fit {
            shown.extend(reasons.iter().map(|reason| format!("  does not fit {reason}\n")));
        }
    }
    shown
}

fn row(standing: &Standing) -> serde_json::Value {
    let (fit, reasons) = match &standing.fit {
        Fit::First => ("first", [].as_slice()),
        Fit::Full => ("full", [].as_slice()),
        Fit::Broken(reasons) => ("broken", reasons.as_slice()),
    };
    json!({ "subject": standing.subject, "id": standing.id, "level": standing.level, "fit": fit, "reasons": reasons })
}
