//! The configuration from the outside: a text, an environment and flags in; findings, values and text out.

mod checks;
mod differences;
mod overlays;
mod shows;

use super::*;
use crate::Kind;

pub(super) const fn key(path: &'static str, kind: Kind, default: Option<&'static str>) -> Key {
    Key { path, kind, default, doc: "What it is for." }
}

/// A small configuration with one of everything that the real one has.
pub(super) const KEYS: &[Key] = &[
    key("data_dir", Kind::Text, Some("\"data\"")),
    key("kafka.brokers", Kind::TextList, Some("[\"127.0.0.1:9092\"]")),
    key("kafka.replication", Kind::Integer, Some("3")),
    key("kafka.security.username", Kind::Text, None),
    key("kafka.security.password", Kind::Secret, None),
    key("registry.url", Kind::TextOrSecret, Some("\"http://127.0.0.1:8081\"")),
    key("gateway.listen", Kind::Address, Some("\"127.0.0.1:8080\"")),
    key("gateway.request_deadline", Kind::Span, Some("\"10s\"")),
    key("gateway.body_max", Kind::Bytes, Some("\"512KiB\"")),
    key("gateway.keep_arrivals", Kind::Flag, Some("true")),
    key("departments.partitions", Kind::Integer, Some("24")),
    key("departments.*.partitions", Kind::Text, None),
    key("departments.*.aliases", Kind::TextList, Some("[]")),
    key("sources.*.kind", Kind::Text, None),
    key("sources.*.secrets", Kind::Secrets, None),
    key("sources.*.rate_limit", Kind::Rate, Some("\"none\"")),
    key("sources.*.progress_scale", Kind::Number, Some("1")),
    key("sources.*.verify.scheme", Kind::Choice(&["hmac-sha256", "bearer"]), None),
    key("sources.*.verify.tolerance", Kind::Span, Some("\"5m\"")),
    key("sources.*.verify.secrets", Kind::Secrets, None),
    key("sources.*.event.*", Kind::Expression, None),
    key("destinations.*.url", Kind::TextOrSecret, None),
    key("destinations.*.options", Kind::Table, None),
    key("routes[].name", Kind::Text, None),
    key("routes[].when", Kind::Expression, Some("\"true\"")),
    key("routes[].to", Kind::TextList, None),
    key("store.seal", Kind::Secret, None),
];

pub(super) fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn read(text: &str) -> Result<Document, ConfigErrors> {
    Document::read(text, "okr.toml", &[], &[], KEYS)
}

pub(super) fn overlaid(
    text: &str,
    env: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Document, ConfigErrors> {
    Document::read(text, "okr.toml", &pairs(env), &pairs(flags), KEYS)
}

#[track_caller]
pub(super) fn check(outcome: Result<Document, ConfigErrors>, expected: &[&str]) {
    let shown = outcome.err().map(|errors| errors.to_string()).unwrap_or_default();
    assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
}
