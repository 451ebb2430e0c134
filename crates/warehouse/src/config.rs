//! `[warehouse]`, as the file says it.

use boot::{Key, Kind, SecretRef, Span};
use serde::Deserialize;

use crate::SCHEMA;

/// The most writers of one member.
pub(crate) const WRITERS_MAX: usize = 4;

/// The keys of `[warehouse]`.
pub const KEYS: &[Key] = &[
    Key {
        path: "warehouse.url",
        kind: Kind::TextOrSecret,
        default: None,
        doc: "Database of the warehouse: `file:PATH` or `postgres://user@host/database`. Left out: an embedded file in `data_dir`.",
    },
    Key {
        path: "warehouse.schema",
        kind: Kind::Text,
        default: Some("\"okr\""),
        doc: "Schema that holds the warehouse's tables in PostgreSQL.",
    },
    Key {
        path: "warehouse.writers",
        kind: Kind::Integer,
        default: Some("2"),
        doc: "How many transactions a member has under way at a time on PostgreSQL, each of partitions of its own: while the server works on one, the next is read and sent. 1 to 4; each holds a batch in memory and a connection. An embedded file has one.",
    },
    Key {
        path: "warehouse.notes_age_max",
        kind: Kind::Span,
        default: None,
        doc: "How long notes, and who wrote or did something, are kept: those of events that happened longer ago are erased from the warehouse within hours. Left out: as long as their rows.",
    },
];

/// `[warehouse]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WarehouseConfig {
    /// Where it is; an embedded file in `data_dir` when left out.
    pub url: Option<SecretRef>,
    /// The Postgres schema of its tables.
    pub schema: String,
    /// How many transactions a member has under way at a time on PostgreSQL.
    pub writers: usize,
    /// How long notes and actors are kept; as long as their rows when left out.
    pub notes_age_max: Option<Span>,
}

impl Default for WarehouseConfig {
    fn default() -> Self {
        Self { url: None, schema: SCHEMA.to_owned(), writers: 2, notes_age_max: None }
    }
}

impl WarehouseConfig {
    /// What is wrong with it, each with its key. Of a url that is a secret only the role knows the value.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if let Some(SecretRef::Literal(url)) = &self.url
            && let Err(error) = crate::check_url(url)
        {
            faults.push(("warehouse.url", error.to_string()));
        }
        // Postgres would cut a longer name, and then not find what it has made.
        if self.schema.is_empty() || self.schema.len() > 63 {
            let long = self.schema.len();
            faults.push(("warehouse.schema", format!("`warehouse.schema` has 1 to 63 bytes, not {long}")));
        }
        if !(1..=WRITERS_MAX).contains(&self.writers) {
            let writers = self.writers;
            faults.push((
                "warehouse.writers",
                format!("`warehouse.writers` is 1 to {WRITERS_MAX}, not {writers}"),
            ));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_opened_is_told_with_its_key() {
        let config = |url: &str, schema: &str| WarehouseConfig {
            url: Some(SecretRef::Literal(url.to_owned())),
            schema: schema.to_owned(),
            ..WarehouseConfig::default()
        };
        assert_eq!(WarehouseConfig::default().faults(), []);
        assert_eq!(config("postgres://okr@db/okr", "okr").faults(), []);
        assert_eq!(config("file:kept/warehouse.db", "okr").faults(), []);
        let wrong = WarehouseConfig { writers: 5, ..config("mysql://okr:hunter2@db/okr", "") };
        let faults = wrong.faults();
        let keys: Vec<&str> = faults.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["warehouse.url", "warehouse.schema", "warehouse.writers"]);
        assert_eq!(WarehouseConfig { writers: 0, ..WarehouseConfig::default() }.faults().len(), 1);
        assert!(!faults[0].1.contains("hunter2") && faults[0].1.contains("postgres://"), "{faults:?}");
    }
}
