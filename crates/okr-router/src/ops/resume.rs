//! `okr-router resume`: a service that halted goes on.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use wire::{Stage, Verb};

use super::audit::{Clerk, Deed};
use crate::{
    cli::{Settings, resume::Resume},
    config::{self, Reader, Whole},
    desk::{self, Answer, Halt, Missing, Question},
    parts,
};

/// Shows what is halted; ends it with `--apply`. The members of the service notice within seconds.
pub fn run(settings: &Settings, options: &Resume) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    super::block_on(async {
        let service = options.service.clone();
        let question = if options.apply {
            Question::Resume { service, accept_gaps: options.accept_gap }
        } else {
            Question::Halted { service }
        };
        let halts = match desk::ask(&whole, &question).await? {
            Answer::Halts(halts) => halts,
            Answer::Registrations(_) => {
                bail!("{} was not resumed: the answer is to another question", options.service)
            }
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
        let row = |halt: &Halt| json!({ "consumer": halt.consumer, "why": halt.why, "since": halt.since.to_string(), "gaps": halt.gaps });
        let halts: Value = halts.iter().map(row).collect();
        let accepted = options.apply && options.accept_gap;
        let shown = json!({ "service": options.service, "applied": options.apply, "accepted": accepted, "halts": halts });
        super::put(&format!("{shown}\n"))?;
    } else {
        let line =
            |halt: &Halt| format!("{} is halted since {:.0}: {}\n", halt.consumer, halt.since, halt.why);
        super::put(&halts.iter().map(line).collect::<String>())?;
        let line = |gap: &Missing| {
            let Missing { topic, partition, from, found, why } = gap;
            format!("  {topic}/{partition} stands at {from}, and {found} came: {why}\n")
        };
        super::put(&gaps(halts).map(line).collect::<String>())?;
    }
    eprintln!("{}", advice(options, halts));
    Ok(())
}

fn gaps(halts: &[Halt]) -> impl Iterator<Item = &Missing> {
    halts.iter().flat_map(|halt| &halt.gaps)
}

/// What comes next.
fn advice(options: &Resume, halts: &[Halt]) -> String {
    let service = &options.service;
    let gaps = gaps(halts).count();
    match (halts.is_empty(), gaps, options.apply) {
        (true, _, _) => format!("nothing of {service} is halted"),
        (false, 0, true) => format!("{service} goes on within seconds"),
        (false, 0, false) => "mend the cause, then --apply lets it go on".to_owned(),
        (false, _, true) if options.accept_gap => {
            format!("{service} goes on within seconds; {gaps} partitions begin with the earliest record they have")
        }
        (false, _, true) => {
            format!("{service} looks again, and halts again where records are missing: --accept-gap gives them up")
        }
        (false, _, false) => {
            "what is gone does not come back: --accept-gap --apply gives it up, and each of these partitions begins with \
             the earliest record that it has"
                .to_owned()
        }
    }
}

async fn note(whole: &Whole, options: &Resume, halts: &[Halt]) -> Result<()> {
    let bus = parts::bus_settings(whole, "okr-router-resume")?;
    let clerk = Clerk::open(whole, &bus).await?;
    let detail = |gap: &Missing| {
        let Missing { topic, partition, from, found, why } = gap;
        (format!("{topic}/{partition}"), format!("accepted: {from} to {found}, {why}"))
    };
    let accepted: Vec<(String, String)> =
        if options.accept_gap { gaps(halts).map(detail).collect() } else { Vec::new() };
    let deed = Deed {
        verb: Verb::Resume,
        stage: Stage::Finished,
        run: &uuid::Uuid::now_v7().to_string(),
        object: &options.service,
        counts: [("halts", halts.len() as u64), ("accepted_gaps", accepted.len() as u64)].into(),
        details: halts.iter().map(|halt| (halt.consumer.clone(), halt.why.clone())).chain(accepted).collect(),
    };
    clerk.note((options.who.as_deref(), options.why.as_deref()), deed).await
}
