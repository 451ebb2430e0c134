//! `okr-router topics`: the cluster against the configuration.

use std::process::ExitCode;

use anyhow::{Context, Result};
use bus::{Admin, Difference};
use serde_json::json;

use crate::{
    cli::{Settings, Topics},
    config::{self, Reader, Whole},
    parts,
};

/// Shows the difference; `apply` carries out what only adds or enlarges.
pub fn run(settings: &Settings, verb: &Topics) -> Result<ExitCode> {
    let (output, does) = match verb {
        Topics::Acls(options) => return super::acls::run(settings, options),
        Topics::Plan(output) => (output, false),
        Topics::Apply(output) => (output, true),
    };
    let whole = config::read(settings, Reader::Command)?;
    let differences = super::block_on(differences(&whole, does))?;
    if output.json {
        let rows = differences.iter().map(|difference| {
            json!({ "topic": difference.topic(), "difference": difference.to_string(),
                    "applies": difference.is_applied(), "applied": does && difference.is_applied() })
        });
        super::put(&format!("{}\n", serde_json::Value::from_iter(rows)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let lines: String = differences.iter().map(|difference| format!("{difference}\n")).collect();
    super::put(&lines)?;
    let open = differences.iter().filter(|difference| difference.is_applied()).count();
    match (open, does) {
        (0, _) => eprintln!("every topic is there"),
        (open, true) => eprintln!("{open} applied"),
        (open, false) => eprintln!("{open} to apply: `okr-router topics apply`"),
    }
    Ok(ExitCode::SUCCESS)
}

/// What differs, or what differed before it was applied.
pub async fn differences(whole: &Whole, apply: bool) -> Result<Vec<Difference>> {
    let bus = parts::bus_settings(whole, "okr-router-topics")?;
    let wanted = parts::topics(whole)?;
    let admin = Admin::new(&bus)?;
    let brokers = || format!("the brokers at {} (`kafka.brokers`)", whole.shared.kafka.brokers.join(", "));
    let differences = admin.plan(&wanted).await.with_context(brokers)?;
    if apply {
        admin.apply(&differences).await.with_context(brokers)?;
    }
    Ok(differences)
}
