//! `okr-router resume`: a service that halted goes on.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use wire::{Stage, Verb};

use super::audit::{Clerk, Deed};
use crate::{
    cli::{Settings, resume::Resume},
    config::{self, Reader, Whole},
    desk::{self, Answer, Halt, Question},
    parts,
};

/// Shows what is halted; ends it with `--apply`. The members of the service notice within seconds.
pub fn run(settings: &Settings, options: &Resume) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    super::block_on(async {
        let service = options.service.clone();
        let question =
            if options.apply { Question::Resume { service } } else { Question::Halted { service } };
        let halts = match desk::ask(&whole, &question).await? {
            Answer::Halts(halts) => halts,
            Answer::Refused(why) => bail!("{} was not resumed: {why}", options.service),
        };
        show(options, &halts)?;
        if options.apply && !halts.is_empty() {
            // It goes on already; that Kafka or the registry is down must not look as if it did not.
            if let Err(error) = note(&whole, options, &halts).await {
                eprintln!("okr.audit has no entry of it: {error:#}");
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn show(options: &Resume, halts: &[Halt]) -> Result<()> {
    if options.output.json {
        let row = |halt: &Halt| json!({ "consumer": halt.consumer, "why": halt.why, "since": halt.since.to_string() });
        let halts: Value = halts.iter().map(row).collect();
        let shown = json!({ "service": options.service, "applied": options.apply, "halts": halts });
        super::put(&format!("{shown}\n"))?;
    } else {
        let line =
            |halt: &Halt| format!("{} is halted since {:.0}: {}\n", halt.consumer, halt.since, halt.why);
        super::put(&halts.iter().map(line).collect::<String>())?;
    }
    match (halts.is_empty(), options.apply) {
        (true, _) => eprintln!("nothing of {} is halted", options.service),
        (false, true) => eprintln!("{} goes on within seconds", options.service),
        (false, false) => eprintln!("mend the cause, then --apply lets it go on"),
    }
    Ok(())
}

async fn note(whole: &Whole, options: &Resume, halts: &[Halt]) -> Result<()> {
    let bus = parts::bus_settings(whole, "okr-router-resume")?;
    let clerk = Clerk::open(whole, &bus).await?;
    let deed = Deed {
        verb: Verb::Resume,
        stage: Stage::Finished,
        run: &uuid::Uuid::now_v7().to_string(),
        object: &options.service,
        counts: [("halts", halts.len() as u64)].into(),
        details: halts.iter().map(|halt| (halt.consumer.clone(), halt.why.clone())).collect(),
    };
    clerk.note((options.who.as_deref(), options.why.as_deref()), deed).await
}
