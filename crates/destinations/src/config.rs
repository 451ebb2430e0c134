//! `[destinations.NAME]`: one configured receiver, as the file says it.

use boot::{Key, Kind, Rate, SecretRef, Span};
use serde::Deserialize;

/// Every key under `[destinations.NAME]`.
pub const KEYS: &[Key] = &[
    key("destinations.*.kind", Kind::Text, "Which channel this is: `slack`, `http` or `terminal`."),
    key(
        "destinations.*.url",
        Kind::TextOrSecret,
        "Where to post. Kind `slack`: the incoming webhook's URL, a secret: `{ env = … }` or `{ file = … }`, a literal only in dev. Kind `http`: any of the three.",
    ),
    key(
        "destinations.*.rate",
        Kind::Rate,
        "How often it is called at most, or `none`; `slack` \"1/s\", `http` \"50/s\" and `terminal` \"none\" when left out. Destinations with the same URL share it.",
    ),
    key(
        "destinations.*.timeout",
        Kind::Span,
        "How long one attempt may take in all, \"10s\" when left out; connecting at most 3 s of it.",
    ),
    key(
        "destinations.*.concurrency",
        Kind::Integer,
        "Deliveries of different subjects under way at a time; `slack` 4, `http` 8 and `terminal` 1 when left out.",
    ),
];

const fn key(path: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { path, kind, default: None, doc }
}

/// One receiver. What is left out has its kind's default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationConfig {
    /// One of the names in [`crate::catalog`].
    pub kind: String,
    /// Where to post; a secret for `slack`.
    pub url: Option<SecretRef>,
    /// How often it is called at most.
    pub rate: Option<Rate>,
    /// How long one attempt may take in all.
    pub timeout: Option<Span>,
    /// Deliveries of different subjects under way at a time.
    pub concurrency: Option<usize>,
}

impl DestinationConfig {
    /// Whether a secret stands in the configuration itself, which only dev allows. An `http` URL is the operator's
    /// own and no secret by its kind.
    pub fn has_literal_secret(&self) -> bool {
        self.kind == "slack" && self.url.as_ref().is_some_and(SecretRef::is_literal)
    }

    /// The keys that are given besides `kind`.
    pub(crate) fn given(&self) -> impl Iterator<Item = &'static str> {
        [
            ("url", self.url.is_some()),
            ("rate", self.rate.is_some()),
            ("timeout", self.timeout.is_some()),
            ("concurrency", self.concurrency.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
    }
}

/// A destination that cannot be built: the start stops, and a person mends the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {problem}")]
pub struct DestinationError {
    /// The key at fault, such as `destinations.sales-slack.url`; look its line up in the document.
    pub path: String,
    /// What is wrong and what to do, without any secret's value.
    pub problem: String,
}

impl DestinationError {
    pub(crate) fn new(name: &str, key: &str, problem: impl Into<String>) -> Self {
        let path = if key.is_empty() {
            format!("destinations.{name}")
        } else {
            format!("destinations.{name}.{key}")
        };
        Self { path, problem: problem.into() }
    }
}
