//! The whole configuration: every crate's keys in one list, one file, one check.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use boot::{ConfigErrors, Document, Finding, Key, Shared};

use crate::{check, cli::Settings};

#[cfg(test)]
mod tests;

/// The file that is read when none is named.
pub const FILE: &str = "okr-router.toml";
/// What `dev`, and the commands beside it, use when there is no file.
pub const DEV_DEFAULT: &str = include_str!("dev.toml");

/// Who reads, which decides what may be written into the file itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// `dev`: literal secrets are allowed, and there is a default.
    #[cfg(feature = "embedded")]
    Dev,
    /// A production role: a file is needed, secrets come from the environment or from files.
    Role,
    /// A command beside either of them: takes what `dev` would take.
    Command,
}

impl Reader {
    fn has_one_node(self) -> bool {
        #[cfg(feature = "embedded")]
        return self == Self::Dev;
        #[cfg(not(feature = "embedded"))]
        false
    }
}

/// What differs on the embedded broker, which is one node for one person, from what the file leaves out.
fn one_node(document: &Document) -> Vec<(String, String)> {
    ["kafka.replication", "kafka.min_insync_replicas", "kafka.partitions"]
        .into_iter()
        .filter(|path| !document.has(path))
        .map(|path| (path.to_owned(), "1".to_owned()))
        .collect()
}

/// A configuration that has been read and checked.
#[derive(Debug)]
pub struct Whole {
    pub document: Document,
    pub shared: Shared,
    /// What it was read from, for people.
    pub origin: String,
    /// Whether it is the default of `dev`, for want of a file.
    pub is_default: bool,
}

/// Every key there is, in the order in which the documentation lists them.
pub fn keys() -> Vec<Key> {
    let ours =
        [boot::KEYS, gateway::KEYS, sources::KEYS, destinations::KEYS, notifier::KEYS, warehouse::KEYS];
    let engines = [worker::KEYS, outbox::KEYS];
    let mut all: Vec<Key> = ours.into_iter().chain(engines).flatten().copied().collect();
    all.extend(boot::unbuilt_keys());
    all
}

/// Reads file, environment and flags, and refuses what is wrong with all of them at once.
pub fn read(settings: &Settings, reader: Reader) -> Result<Whole> {
    let (text, origin, is_default) = text(settings.config.as_deref(), reader)?;
    let env: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let read = |flags: &[(String, String)]| Document::read(&text, &origin, &env, flags, &keys());
    let mut document = read(&settings.set)?;
    if reader.has_one_node() {
        document = read(&[one_node(&document), settings.set.clone()].concat())?;
    }
    if reader == Reader::Role {
        refuse_literals(&document)?;
    }
    let shared = Shared::read(&document)?;
    if is_default && reader == Reader::Command {
        eprintln!("there is no {FILE} here: this uses the default of `dev`");
    }
    let whole = Whole { document, shared, origin, is_default };
    if reader != Reader::Command {
        check::all(&whole)?;
    }
    Ok(whole)
}

fn text(given: Option<&Path>, reader: Reader) -> Result<(String, String, bool)> {
    let path = given.unwrap_or(Path::new(FILE));
    let read = match std::fs::read_to_string(path) {
        // The shell makes it before `okr-router config print > okr-router.toml` runs.
        Ok(text) if given.is_none() && text.is_empty() => Err(std::io::ErrorKind::NotFound.into()),
        read => read,
    };
    match read {
        Ok(text) => Ok((text, path.display().to_string(), false)),
        Err(error) if given.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            ensure!(
                reader != Reader::Role,
                "there is no {FILE} here, or an empty one: write it (`okr-router config print > {FILE}` gives a beginning) or name \
                 it with --config"
            );
            Ok((DEV_DEFAULT.to_owned(), "the default of `dev`".to_owned(), true))
        }
        Err(error) => Err(error).with_context(|| format!("{} was not read", path.display())),
    }
}

/// Outside `dev` a secret never stands in the file. The URL of an `http` destination is no secret by itself.
fn refuse_literals(document: &Document) -> Result<(), ConfigErrors> {
    let findings: Vec<Finding> = document
        .literals()
        .into_iter()
        .filter(|path| !may_be_literal(document, path))
        .map(|path| Finding {
            at: document.at(&path),
            message: format!(
                "`{path}` is written out: outside `dev` give it as {{ env = \"NAME\" }} or {{ file = \"PATH\" }}"
            ),
        })
        .collect();
    if findings.is_empty() { Ok(()) } else { Err(ConfigErrors(findings)) }
}

/// The operator's own addresses, and the URL of a destination whose URL is no secret by its kind.
pub fn may_be_literal(document: &Document, path: &str) -> bool {
    let destination = path.strip_prefix("destinations.").and_then(|rest| rest.strip_suffix(".url"));
    match destination {
        Some(name) => document
            .section::<destinations::DestinationConfig>(&format!("destinations.{name}"))
            .is_ok_and(|config| !config.has_literal_secret()),
        // The name of a file.
        None if path == "gateway.tls.key" => true,
        None => ["registry.url", "store.url", "warehouse.url"].contains(&path),
    }
}
