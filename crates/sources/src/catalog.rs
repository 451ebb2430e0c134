//! The one list of kinds: a tool that is built has a line in [`catalog`].

use std::collections::BTreeSet;

use crate::{
    Dialect, SourceConfig, SourceError,
    asana::Asana,
    cloudevents::CloudEvents,
    generic::{self, Generic},
    github::GitHub,
    okr_body::OkrBody,
    standard_webhooks::StandardWebhooks,
};

/// Every kind that the contract names, built or not.
pub const KNOWN_KINDS: &[&str] = &[
    "standard-webhooks",
    "okr",
    "generic",
    "cloudevents",
    "github",
    "asana",
    "clickup",
    "jira",
    "linear",
    "monday",
    "notion",
    "airtable",
    "staffcircle",
    "holaspirit",
    "peoplelogic",
    "productboard",
    "phlius",
    "profit",
    "productplan",
    "hibob",
    "slack-events",
    "pagerduty",
];

/// The kinds that have code of their own.
fn coded() -> &'static [&'static dyn Dialect] {
    &[&StandardWebhooks, &OkrBody, &GitHub, &CloudEvents, &Asana]
}

/// The kinds that are built.
#[must_use]
pub fn built() -> Vec<&'static str> {
    coded().iter().map(|dialect| dialect.kind()).chain([generic::KIND]).collect()
}

/// The media types that some kind documents, in their order.
#[must_use]
pub fn media_types() -> BTreeSet<&'static str> {
    coded().iter().flat_map(|dialect| dialect.media_types()).chain(generic::MEDIA_TYPES).copied().collect()
}

/// The dialect of a source.
#[derive(Debug)]
pub(crate) enum Voice {
    Coded(&'static dyn Dialect),
    Mapped(Box<Generic>),
}

impl Voice {
    /// Finds or compiles the dialect of a section. `path` is the source's, such as `sources.acme`.
    pub(crate) fn open(path: &str, config: &SourceConfig) -> Result<Self, SourceError> {
        if config.kind == generic::KIND {
            return Generic::compile(path, config).map(|generic| Self::Mapped(Box::new(generic)));
        }
        find(&config.kind)
            .map(Self::Coded)
            .map_err(|problem| SourceError::new(format!("{path}.kind"), problem))
    }

    pub(crate) fn dialect(&self) -> &dyn Dialect {
        match self {
            Self::Coded(dialect) => *dialect,
            Self::Mapped(generic) => &**generic,
        }
    }
}

/// The dialect of a coded kind, or in words why there is none.
fn find(kind: &str) -> Result<&'static dyn Dialect, String> {
    if let Some(dialect) = coded().iter().find(|dialect| dialect.kind() == kind) {
        return Ok(*dialect);
    }
    let built = built().join(", ");
    if KNOWN_KINDS.contains(&kind) {
        return Err(format!("kind `{kind}` is not built yet; built are {built}"));
    }
    let nearest = KNOWN_KINDS
        .iter()
        .map(|known| (strsim::damerau_levenshtein(kind, known), known))
        .min()
        .filter(|(distance, known)| *distance * 2 <= known.len());
    Err(match nearest {
        Some((_, known)) => format!("unknown kind `{kind}`, did you mean `{known}`? Built are {built}"),
        None => format!("unknown kind `{kind}`; built are {built}"),
    })
}
