//! The schema registry, and the clock by the `Date` of those who answer.

use jiff::{SignedDuration, Timestamp};
use wire::{FULL_TRANSITIVE, Fit, Standing, WireError};

use super::finding::Finding;
use crate::{config::Whole, parts};

const REGISTER: &str = "okr-router schemas register --apply";

/// Beyond this a clock is worth a look; beyond the other, signatures with a time are refused (`verify.tolerance`).
const DRIFT_DOUBT: SignedDuration = SignedDuration::from_secs(10);
const DRIFT_WRONG: SignedDuration = SignedDuration::from_secs(120);

/// Looks at every subject.
pub async fn examine(whole: &Whole) -> Vec<Finding> {
    let registry = match parts::registry(whole) {
        Ok(registry) => registry,
        Err(error) => {
            return vec![Finding::wrong("registry", format!("{error:#}"), "correct `registry.url`")];
        }
    };
    schemas(&registry.check().await)
}

/// What the registry's word about our schemas means.
pub fn schemas(standings: &Result<Vec<Standing>, WireError>) -> Vec<Finding> {
    let standings = match standings {
        Ok(standings) => standings,
        Err(error) => {
            let remedy = "start the registry, or correct `registry.url` (Confluent's API; Apicurio has it under \
                          /apis/ccompat/v7); while it is down, records wait and nothing is lost";
            return vec![Finding::wrong("registry", error.to_string(), remedy)];
        }
    };
    let mut findings: Vec<Finding> = standings.iter().filter_map(standing).collect();
    if findings.is_empty() {
        let says = format!("all {} schemas are registered, {FULL_TRANSITIVE}", standings.len());
        findings.push(Finding::well("registry", says));
    }
    findings
}

fn standing(standing: &Standing) -> Option<Finding> {
    let check = format!("schema {}", standing.subject);
    if let Fit::Broken(findings) = &standing.fit {
        let remedy = "okr-router schemas check; another program has registered a schema that does not fit";
        let reasons: Vec<String> = findings.iter().map(ToString::to_string).collect();
        return Some(Finding::wrong(check, format!("does not fit {}", reasons.join("; ")), remedy));
    }
    if standing.id.is_none() {
        return Some(Finding::wrong(check, "is not registered", REGISTER));
    }
    (!standing.is_settled()).then(|| {
        let level = standing.level.as_deref().unwrap_or("not set");
        Finding::wrong(check, format!("compatibility is {level}, wanted is {FULL_TRANSITIVE}"), REGISTER)
    })
}

/// Our clock beside what others answered: each with its name, its time and ours at that moment.
pub fn clock(answers: &[(String, Timestamp, Timestamp)]) -> Finding {
    let drift = |(_, theirs, ours): &(String, Timestamp, Timestamp)| ours.duration_since(*theirs);
    // A single one of them may be wrong itself; the one nearest to us is believed.
    let Some(nearest) = answers.iter().min_by_key(|answer| drift(answer).abs()) else {
        return Finding::well("clock", "nobody who answered said what time it is");
    };
    let (name, drift) = (&nearest.0, drift(nearest));
    let seconds = drift.as_secs();
    if drift.abs() < DRIFT_DOUBT {
        return Finding::well("clock", format!("agrees with that of {name} to {} s", DRIFT_DOUBT.as_secs()));
    }
    let way = if seconds > 0 { "ahead of" } else { "behind" };
    let says = format!("is {} s {way} that of {name}", seconds.abs());
    let remedy =
        "set the clock (timedatectl set-ntp true); signatures with a time are refused beyond their tolerance";
    if drift.abs() < DRIFT_WRONG {
        Finding::doubt("clock", says, remedy)
    } else {
        Finding::wrong("clock", says, remedy)
    }
}
