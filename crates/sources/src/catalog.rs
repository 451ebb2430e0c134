//! The one list of kinds: a tool that is built has a line in [`catalog`].

use crate::{Dialect, okr_body::OkrBody, standard_webhooks::StandardWebhooks};

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

/// The kinds that are built.
#[must_use]
pub fn catalog() -> &'static [&'static dyn Dialect] {
    &[&StandardWebhooks, &OkrBody]
}

/// The dialect of a kind, or in words why there is none.
pub(crate) fn find(kind: &str) -> Result<&'static dyn Dialect, String> {
    if let Some(dialect) = catalog().iter().find(|dialect| dialect.kind() == kind) {
        return Ok(*dialect);
    }
    let built: Vec<&str> = catalog().iter().map(|dialect| dialect.kind()).collect();
    let built = built.join(", ");
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
