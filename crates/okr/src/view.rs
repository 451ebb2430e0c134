//! An event as conditions and templates see it: `event.…`, with everything left out that says nothing.

use std::collections::BTreeMap;

use minijinja::{Value, value::ValueKind};

use crate::OkrEvent;

const EVENT: &[&str] = &[
    "actor",
    "attributes",
    "change",
    "confidence",
    "cycle",
    "department",
    "event_id",
    "manager",
    "metric",
    "note",
    "occurred_at",
    "owner",
    "previous",
    "progress",
    "received_at",
    "revision",
    "source",
    "status",
    "subject",
    "team",
];

/// One event, ready for any number of conditions and templates. Building it is the costly part; do it once.
#[derive(Debug, Clone)]
pub struct EventView {
    event: Value,
    root: Value,
}

impl EventView {
    /// Looks at an event: names and words as in its JSON, times as RFC 3339 text; fields that are null, and records of
    /// which nothing is left, are not there.
    pub fn new(event: &OkrEvent) -> Self {
        let event = without_nulls(&Value::from(minijinja::value::Serde(event))).unwrap_or_default();
        let root = Value::from(BTreeMap::from([("event", event.clone())]));
        Self { event, root }
    }

    /// `{event}`.
    pub(crate) fn root(&self) -> Value {
        self.root.clone()
    }

    /// `{event, …more}`.
    pub(crate) fn with(&self, more: impl IntoIterator<Item = (String, Value)>) -> Value {
        let mut all: BTreeMap<String, Value> = more.into_iter().collect();
        all.insert("event".to_owned(), self.event.clone());
        Value::from(all)
    }
}

impl From<&OkrEvent> for EventView {
    fn from(event: &OkrEvent) -> Self {
        Self::new(event)
    }
}

fn without_nulls(value: &Value) -> Option<Value> {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => None,
        ValueKind::Map => {
            let mut kept = BTreeMap::new();
            for key in value.try_iter().ok()? {
                let field = value.get_item(&key).ok().as_ref().and_then(without_nulls);
                if let (Some(name), Some(field)) = (key.as_str(), field) {
                    kept.insert(name.to_owned(), field);
                }
            }
            (!kept.is_empty()).then(|| Value::from(kept))
        }
        _ => Some(value.clone()),
    }
}

/// Whether events can have what a dotted path names; the error says what to write instead.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    let mut parts = path.split('.');
    let root = parts.next().unwrap_or_default();
    if root != "event" {
        return Err(format!("there is no `{root}` here, only `event`"));
    }
    let Some(field) = parts.next() else { return Ok(()) };
    check_name("event", field, EVENT)?;
    let Some(inner) = parts.next() else { return Ok(()) };
    let known: &[&str] = match field {
        "attributes" => return Ok(()),
        "source" => &["name", "kind", "delivery_id", "sequence"],
        "subject" => &["type", "namespace", "id", "parent_id", "title", "url"],
        "owner" | "manager" => &["id", "name", "email"],
        "cycle" => &["name", "start", "end"],
        "metric" => &["start", "target", "current", "unit"],
        "previous" => &["progress", "status", "current"],
        _ => &[],
    };
    check_name(&format!("event.{field}"), inner, known)?;
    match parts.next() {
        None => Ok(()),
        Some(_) => Err(format!("`event.{field}.{inner}` has no fields")),
    }
}

fn check_name(parent: &str, name: &str, known: &[&str]) -> Result<(), String> {
    if known.is_empty() {
        return Err(format!("`{parent}` has no fields"));
    }
    if known.contains(&name) {
        return Ok(());
    }
    let near = known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
    match near.filter(|near| strsim::damerau_levenshtein(near, name) <= 3) {
        Some(near) => Err(format!("there is no `{parent}.{name}`, did you mean `{parent}.{near}`?")),
        None => Err(format!("there is no `{parent}.{name}`, but {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests;
