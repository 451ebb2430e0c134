//! `sources list`, `sources open`, `sources forget`: who may register, and what was learned.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use sources::{Source, SourceConfig};
use wire::{Stage, Verb};

use crate::{
    cli::{
        Output,
        sources::{Deed, Forget, Open},
    },
    config::Whole,
    desk::{self, Answer, Question, Registration},
    ops::{
        audit::{self, Clerk},
        block_on, put,
    },
    parts::{self, located},
};

/// A window is for a person at work.
const WINDOW_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Shows every configured source, and what is kept of those that register.
pub fn list(whole: &Whole, output: Output) -> Result<ExitCode> {
    let configs: BTreeMap<String, SourceConfig> = whole.document.section("sources")?;
    let learns = |config: &SourceConfig| Source::learns_by(config) && whole.shared.store.seal.is_some();
    let known = if configs.values().any(learns) {
        block_on(ask(whole, &Question::Registrations))?
    } else {
        Vec::new()
    };
    let of = |name: &str| known.iter().find(|known| known.source == name);
    if output.json {
        let row = |(name, config): (&String, &SourceConfig)| {
            let mut row = json!({ "source": name, "kind": config.kind, "path": format!("/in/{name}"), "learns": learns(config) });
            if let Some(known) = of(name) {
                row["open_seconds"] = json!(known.open_seconds);
                row["learned"] = json!(known.learned);
            }
            row
        };
        put(&format!("{}\n", configs.iter().map(row).collect::<Value>()))?;
    } else {
        let line = |(name, config): (&String, &SourceConfig)| {
            let kept = if learns(config) { words(of(name)) } else { String::new() };
            format!("{name}  {}  /in/{name}{kept}\n", config.kind)
        };
        put(&configs.iter().map(line).collect::<String>())?;
    }
    for known in known.iter().filter(|known| !configs.contains_key(&known.source)) {
        eprintln!(
            "{} is not configured any more and has learned {}: `sources forget {}` clears it",
            known.source,
            secrets(known.learned.len()),
            known.source
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens a source, with --apply. It is noted before anything can come of it.
pub fn open(whole: &Whole, options: &Open) -> Result<ExitCode> {
    let name = &options.source;
    let config: SourceConfig = whole.document.entry("sources", name).with_context(|| {
        format!("there is no source {name:?}; configured are: {}", whole.document.names("sources").join(", "))
    })?;
    Source::check(name, &config).map_err(|error| located(&whole.document, &error.path, &error))?;
    ensure!(
        Source::learns_by(&config),
        "{name} learns nothing: it is of kind `{}`{}",
        config.kind,
        if config.verify.is_some() {
            " with a `verify` of its own"
        } else {
            ", whose secrets are configured"
        }
    );
    ensure!(
        parts::seal(whole)?.is_some(),
        "{name} has no place for what it learns: write [store] seal = {{ env = \"NAME\" }} and restart the gateways"
    );
    let span = options.span.0;
    ensure!(
        span >= Duration::from_secs(1) && span <= WINDOW_MAX,
        "--for {} is not between 1s and 24h",
        options.span
    );
    block_on(async {
        let known = if options.deed.apply {
            let details = [("for".to_owned(), options.span.to_string())];
            let clerk = Note::open(whole, Verb::SourceOpen, name, &options.deed).await?;
            clerk.note(Stage::Begun, details.clone().into(), 0).await?;
            let known = ask(whole, &Question::Open { source: name.clone(), seconds: span.as_secs() }).await?;
            if let Err(error) = clerk.note(Stage::Finished, details.into(), 0).await {
                eprintln!("okr.audit has no entry of its end: {error:#}");
            }
            known
        } else {
            ask(whole, &Question::Registrations).await?
        };
        let known = known.into_iter().find(|known| known.source == *name);
        shown(name, known.as_ref(), &options.deed, options.output)?;
        if options.deed.apply {
            eprintln!(
                "{name} is open for {}: create the webhooks now, then look at `sources list`",
                options.span
            );
        } else {
            eprintln!("{name} would be open for {}: --apply does it", options.span);
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Forgets what a source learned, with --apply. It is done even where it cannot be noted: somebody may know the secret.
pub fn forget(whole: &Whole, options: &Forget) -> Result<ExitCode> {
    let name = &options.source;
    block_on(async {
        let of_name = |known: Vec<Registration>| known.into_iter().find(|known| known.source == *name);
        let mut known = of_name(ask(whole, &Question::Registrations).await?);
        let names = whole.document.names("sources");
        ensure!(
            known.is_some() || names.contains(name),
            "there is no source {name:?}, and none of that name has learned anything; configured are: {}",
            names.join(", ")
        );
        if options.deed.apply {
            known = of_name(ask(whole, &Question::Forget { source: name.clone() }).await?);
        }
        let count = known.as_ref().map_or(0, |known| known.learned.len());
        shown(name, known.as_ref(), &options.deed, options.output)?;
        match (count, options.deed.apply) {
            (_, true) => eprintln!("{name} has forgotten {} and is closed", secrets(count)),
            (0, false) => eprintln!("{name} has learned nothing"),
            (_, false) => eprintln!("{name} would forget {}: --apply does it", secrets(count)),
        }
        if options.deed.apply {
            let noted = async {
                let clerk = Note::open(whole, Verb::SourceForget, name, &options.deed).await?;
                clerk.note(Stage::Finished, BTreeMap::new(), count as u64).await
            };
            if let Err(error) = noted.await {
                eprintln!("okr.audit has no entry of it: {error:#}");
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn ask(whole: &Whole, question: &Question) -> Result<Vec<Registration>> {
    match desk::ask(whole, question).await? {
        Answer::Registrations(known) => Ok(known),
        Answer::Refused(why) => bail!("the store was not asked: {why}"),
        Answer::Halts(_) => bail!("the answer is to another question"),
    }
}

fn shown(name: &str, known: Option<&Registration>, deed: &Deed, output: Output) -> Result<bool> {
    if !output.json {
        return put(&format!("{name}{}\n", words(known)));
    }
    let (open, learned) =
        (known.and_then(|known| known.open_seconds), known.map(|known| known.learned.clone()));
    let learned = learned.unwrap_or_default();
    let shown = json!({ "source": name, "applied": deed.apply, "open_seconds": open, "learned": learned });
    put(&format!("{shown}\n"))
}

/// How it stands, in words.
fn words(known: Option<&Registration>) -> String {
    let open = match known.and_then(|known| known.open_seconds) {
        Some(seconds) => format!("open for {}", boot::Span::seconds(seconds)),
        None => "closed".to_owned(),
    };
    let learned = known.map(|known| known.learned.as_slice()).unwrap_or_default();
    let newest = learned.iter().max().map(|at| format!(", the newest at {at:.0}")).unwrap_or_default();
    format!("  {open}  {} learned{newest}", secrets(learned.len()))
}

fn secrets(count: usize) -> String {
    if count == 1 { "1 secret".to_owned() } else { format!("{count} secrets") }
}

/// Entries of one deed.
struct Note<'a> {
    clerk: Clerk,
    verb: Verb,
    run: String,
    object: String,
    deed: &'a Deed,
}

impl<'a> Note<'a> {
    async fn open(whole: &Whole, verb: Verb, source: &str, deed: &'a Deed) -> Result<Self> {
        let bus = parts::bus_settings(whole, "okr-router-sources")?;
        let clerk = Clerk::open(whole, &bus).await?;
        let (run, object) = (uuid::Uuid::now_v7().to_string(), format!("sources.{source}"));
        Ok(Self { clerk, verb, run, object, deed })
    }

    async fn note(&self, stage: Stage, details: BTreeMap<String, String>, secrets: u64) -> Result<()> {
        let deed = audit::Deed {
            verb: self.verb,
            stage,
            run: &self.run,
            object: &self.object,
            counts: [("secrets", secrets)].into(),
            details,
        };
        self.clerk.note((self.deed.who.as_deref(), self.deed.why.as_deref()), deed).await
    }
}

#[cfg(test)]
mod tests;
