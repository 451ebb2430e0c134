//! `okr-router schemas`: this release's schemas against those before it, and the registry against this release.

use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use wire::{Against, FULL_TRANSITIVE, Finding, Fit, SUBJECTS, Standing};

use crate::{
    cli::{CheckSchemas, Register, Schemas, Settings},
    config::{self, Reader, Whole},
    parts,
};

/// Shows how the schemas stand; `register --apply` registers them and sets the compatibility level.
///
/// `check` fails where a schema is missing or does not fit, so that a pipeline can stop on it.
pub fn run(settings: &Settings, verb: &Schemas) -> Result<ExitCode> {
    match verb {
        Schemas::Check(options) => check(settings, options),
        Schemas::Register(options) => enter(settings, options),
    }
}

fn check(settings: &Settings, options: &CheckSchemas) -> Result<ExitCode> {
    let mut rows: Vec<Row> = SUBJECTS
        .iter()
        .map(|subject| Row { subject: subject.name, standing: None, findings: subject.against_releases() })
        .collect();
    let mut unasked = None;
    if !options.offline {
        let asked = config::read(settings, Reader::Command)
            .and_then(|whole| super::block_on(register(&whole, false)));
        match asked {
            Ok(standings) => rows.iter_mut().zip(standings).for_each(|(row, standing)| row.add(standing)),
            Err(error) => unasked = Some(error),
        }
    }
    // What the frozen copies say is worth showing, whether the registry answers or not.
    super::put(&show(&rows, options.output.json))?;
    if let Some(error) = unasked {
        return Err(
            error.context("the registry was not asked; `--offline` compares with the frozen copies alone")
        );
    }
    if options.offline {
        eprintln!(
            "the registry was not asked: this compared with the frozen copies of earlier releases alone"
        );
    }
    Ok(verdict(&rows, true))
}

fn enter(settings: &Settings, options: &Register) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    let standings = super::block_on(register(&whole, options.apply))?;
    let row = |standing: Standing| {
        let mut row = Row { subject: standing.subject, standing: None, findings: Vec::new() };
        row.add(standing);
        row
    };
    let rows: Vec<Row> = standings.into_iter().map(row).collect();
    super::put(&show(&rows, options.output.json))?;
    Ok(verdict(&rows, false))
}

/// How the schemas stand, after they were registered if `apply`.
pub async fn register(whole: &Whole, apply: bool) -> Result<Vec<Standing>> {
    let registry = parts::registry(whole)?;
    let standings = if apply { registry.register().await } else { registry.check().await };
    standings.context("the schema registry (`registry.url`)")
}

/// One subject.
struct Row {
    subject: &'static str,
    /// None while the registry has not been asked.
    standing: Option<Standing>,
    findings: Vec<Finding>,
}

impl Row {
    fn add(&mut self, mut standing: Standing) {
        if let Fit::Broken(findings) = &mut standing.fit {
            self.findings.append(findings);
        }
        self.standing = Some(standing);
    }

    fn is_open(&self) -> bool {
        self.standing.as_ref().is_some_and(|standing| !standing.is_settled())
    }

    fn said(&self) -> String {
        let mut said = format!("{}: ", self.subject);
        said.push_str(&match &self.standing {
            None => "the registry was not asked".to_owned(),
            Some(standing) => {
                let id = standing.id.map_or("not registered".to_owned(), |id| format!("id {id}"));
                match standing.level.as_deref() {
                    None => format!("{id}, no compatibility level yet, {FULL_TRANSITIVE} is wanted"),
                    Some(FULL_TRANSITIVE) => format!("{id}, {FULL_TRANSITIVE}"),
                    Some(other) => format!("{id}, {other}, {FULL_TRANSITIVE} is wanted"),
                }
            }
        });
        said.push('\n');
        for finding in &self.findings {
            said.push_str(&format!("  does not fit {finding} → {}\n", finding.remedy));
        }
        said
    }

    fn json(&self) -> Value {
        let fit = match (&self.standing, self.findings.is_empty()) {
            (_, false) => "broken",
            (Some(Standing { fit: Fit::First, .. }), true) => "first",
            (Some(_), true) => "full",
            // The releases fit; what is registered, nobody has told.
            (None, true) => "unasked",
        };
        let reasons: Vec<String> = self.findings.iter().map(Finding::to_string).collect();
        json!({ "subject": self.subject, "asked": self.standing.is_some(),
                "id": self.standing.as_ref().and_then(|standing| standing.id),
                "level": self.standing.as_ref().and_then(|standing| standing.level.clone()),
                "fit": fit, "reasons": reasons, "findings": self.findings.iter().map(finding).collect::<Value>() })
    }
}

fn finding(finding: &Finding) -> Value {
    let (against, version) = match finding.against {
        Against::Released(release) => ("released", release),
        Against::Registered(version) => ("registered", version),
    };
    let direction = if finding.ours_reads { "ours_reads_it" } else { "it_reads_ours" };
    json!({ "against": against, "version": version, "direction": direction, "field": finding.field,
            "problem": finding.problem, "remedy": finding.remedy })
}

fn show(rows: &[Row], json: bool) -> String {
    if json {
        return format!("{}\n", Value::from_iter(rows.iter().map(Row::json)));
    }
    rows.iter().map(Row::said).collect()
}

/// Says what is left to do; a `strict` one fails while anything is.
fn verdict(rows: &[Row], strict: bool) -> ExitCode {
    let broken = rows.iter().any(|row| !row.findings.is_empty());
    let open = rows.iter().filter(|row| row.is_open()).count();
    if broken {
        eprintln!("a schema does not fit those before it: nothing can be registered until it does");
    } else if open > 0 {
        eprintln!("{open} to register: `okr-router schemas register --apply`");
    }
    if broken || (strict && open > 0) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests;
