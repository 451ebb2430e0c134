//! Sections of rooms that are not built yet: their keys are known and checked, and who uses one is told so by name.

use crate::{Key, Kind};

const fn key(path: &'static str, kind: Kind, default: Option<&'static str>, doc: &'static str) -> Key {
    Key { path, kind, default, doc }
}

/// `(section, its keys)`. A role warns once for each of them that [`crate::Document::unbuilt`] finds in use.
pub const UNBUILT: &[(&str, &[Key])] = &[
    (
        "alerts",
        &[
            key("alerts[].name", Kind::Text, None, "What the rule is called in messages."),
            key("alerts[].when", Kind::Expression, None, "Condition over `kr` that makes the rule fire."),
            key("alerts[].for", Kind::Span, None, "How long the condition must hold before the rule fires."),
            key("alerts[].severity", Kind::Choice(&["info", "warning", "critical"]), None, "How bad it is."),
            key("alerts[].to", Kind::TextList, None, "Destinations that are told."),
        ],
    ),
    ("console", &[key("console.listen", Kind::Address, None, "Where the console and its API are served.")]),
];

/// All keys of [`UNBUILT`], for the list that [`crate::Document::read`] is given.
pub fn unbuilt_keys() -> impl Iterator<Item = Key> {
    UNBUILT.iter().flat_map(|(_, keys)| keys.iter().copied())
}
