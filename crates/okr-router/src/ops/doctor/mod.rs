//! `okr-router doctor`: reads everything, changes nothing, sends no message. All checks run at the same time, each with
//! a deadline of its own, so that one who does not answer makes nobody wait.

mod cluster;
mod finding;
mod groups;
mod ports;
mod registry;
mod state;
mod targets;

use std::{future::Future, process::ExitCode, time::Duration};

use anyhow::Result;
use boot::ConfigErrors;
use egress::{ClientOptions, Guard};
use tokio::time::timeout;

use self::finding::{Finding, is_wrong, show};
use crate::{
    check,
    cli::{Settings, doctor::Doctor},
    config::{self, Reader, Whole},
    parts, roles,
};

/// How long a check may take in all.
const WAIT: Duration = Duration::from_secs(13);

/// Prints what was found; fails when something is wrong.
pub fn run(settings: &Settings, options: &Doctor) -> Result<ExitCode> {
    let findings = super::block_on(async {
        let (mut findings, whole) = configuration(settings);
        if let Some(whole) = whole {
            findings.extend(examine(&whole).await);
        }
        Ok(findings)
    })?;
    super::put(&show(&findings, options.output.json))?;
    Ok(if is_wrong(&findings) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The file and its secrets. Without a file that can be read there is nothing else to look at.
fn configuration(settings: &Settings) -> (Vec<Finding>, Option<Whole>) {
    let library = Finding::well("library", bus::library());
    let whole = match config::read(settings, Reader::Command) {
        Ok(whole) => whole,
        Err(error) => {
            return (
                vec![library, Finding::wrong("config", format!("{error:#}"), "okr-router config check")],
                None,
            );
        }
    };
    let mut findings = vec![library];
    findings.extend(sections(&check::all(&whole), &whole.origin));
    findings.extend(secrets(&whole));
    (findings, Some(whole))
}

/// Everything that is wrong in the file, each with its line.
fn sections(checked: &Result<(), ConfigErrors>, origin: &str) -> Vec<Finding> {
    match checked {
        Ok(()) => vec![Finding::well("config", format!("{origin} is in order"))],
        Err(ConfigErrors(errors)) => {
            let remedy = "correct it; okr-router config check says whether it is right";
            let wrong = |error: &boot::Finding| {
                Finding::wrong("config", format!("{}: {}", error.at, error.message), remedy)
            };
            errors.iter().map(wrong).collect()
        }
    }
}

/// Whether what sources are verified with, and what a collector of traces asks for, can be had here.
fn secrets(whole: &Whole) -> Vec<Finding> {
    let wrong = |check: &str, error: anyhow::Error, role: &str| {
        let remedy = format!("set it where {role} runs (here it is read from the doctor's own environment)");
        Finding::wrong(check, format!("{error:#}"), remedy)
    };
    let sources = parts::sources(whole).err().map(|error| wrong("secrets", error, "the gateway"));
    let tls = whole.document.section::<gateway::GatewayConfig>("gateway").ok().and_then(|config| config.tls);
    let tls = tls.and_then(|tls| tls.check().err()).map(|error| wrong("tls", error.into(), "the gateway"));
    let traces = roles::traces(whole, "doctor").err().map(|error| wrong("traces", error, "each role"));
    sources.into_iter().chain(tls).chain(traces).collect()
}

async fn examine(whole: &Whole) -> Vec<Finding> {
    let (cluster, groups, registry, state, ports, targets) = tokio::join!(
        within("broker", cluster::examine(whole)),
        within("groups", groups::examine(whole)),
        within("registry", registry::examine(whole)),
        within("store", state::examine(whole)),
        within("ports", ports::examine(whole)),
        timeout(WAIT, targets::examine(whole)),
    );
    let late = || (vec![too_late("destinations")], Vec::new());
    let (targets, told) = targets.unwrap_or_else(|_| late());
    let clock = vec![registry::clock(&told)];
    [cluster, groups, registry, state, ports, targets, clock].concat()
}

async fn within(check: &str, work: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    timeout(WAIT, work).await.unwrap_or_else(|_| vec![too_late(check)])
}

fn too_late(check: &str) -> Finding {
    Finding::wrong(
        check,
        format!("no answer within {} s", WAIT.as_secs()),
        "see whether the way to it is open",
    )
}

/// How the doctor asks over HTTP: the operator's own addresses, and not for long.
fn looking(wait: Duration) -> ClientOptions {
    ClientOptions {
        connect_timeout: wait / 2,
        timeout: wait,
        response_bytes_max: 1 << 20,
        guard: Guard::Operator,
        ..ClientOptions::default()
    }
}

#[cfg(test)]
mod tests;
