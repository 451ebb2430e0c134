//! `[notifier]` and `[[routes]]`, as the file says them.

use boot::{Key, Kind, Span};
use serde::Deserialize;

/// The keys of `[notifier]` and `[[routes]]`.
pub const KEYS: &[Key] = &[
    Key {
        path: "notifier.age_max",
        kind: Kind::Span,
        default: Some("\"7d\""),
        doc: "Events received longer ago than this are not delivered, only counted.",
    },
    key("routes[].name", Kind::Text, "What the route is called in errors and metrics; no two have the same."),
    key(
        "routes[].when",
        Kind::Expression,
        "A condition over `event`; left out, the route takes every event. The first route that matches has it.",
    ),
    key("routes[].to", Kind::TextList, "Names of `[destinations]`; each gets the message once."),
    key(
        "routes[].template",
        Kind::Expression,
        "The message; title, percent and owner when left out. Values are escaped for the channel as they are put in.",
    ),
];

const fn key(path: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { path, kind, default: None, doc }
}

/// `[notifier]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifierConfig {
    /// Events received longer ago than this are not delivered, only counted.
    pub age_max: Span,
}

impl Default for NotifierConfig {
    fn default() -> Self {
        Self { age_max: Span::seconds(7 * 24 * 60 * 60) }
    }
}

/// One of `[[routes]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// What the route is called in errors and metrics.
    pub name: String,
    /// A condition over `event`; left out, the route takes every event.
    pub when: Option<String>,
    /// Names of destinations.
    pub to: Vec<String>,
    /// The message; title, percent and owner when left out.
    pub template: Option<String>,
}
