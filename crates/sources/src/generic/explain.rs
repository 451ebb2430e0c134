//! What each expression finds, for whoever writes a mapping.

use okr::{Mapping, Scope};

use super::{Generic, Rule};
use crate::Delivery;

/// One expression over one delivery, or over one of its items.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The item of `each`, counted from 1; `None` is the delivery itself.
    pub item: Option<usize>,
    /// The key of the config, such as `event.progress`.
    pub key: String,
    /// As the config writes it.
    pub expression: String,
    /// What it finds: `None` is missing; the error says why it cannot be worked out.
    pub found: Result<Option<serde_json::Value>, String>,
}

impl Generic {
    /// Works out everything, also behind what would stop a translation. A body that cannot be read has nothing.
    pub(crate) fn explain(&self, delivery: &Delivery<'_>) -> Vec<Explained> {
        let Ok(scope) = self.scope(delivery) else { return Vec::new() };
        let mut all = Vec::new();
        let mut note = |item, key: &str, mapping: &Mapping, scope: &Scope| {
            let value = mapping.value(scope).map_err(|error| error.to_string());
            let json = |value| serde_json::to_value(&value).map_err(|error| error.to_string());
            let found = value.and_then(|value| value.map(json).transpose());
            all.push(Explained { item, key: key.to_owned(), expression: mapping.source().to_owned(), found });
        };
        if let Rule::Given(mapping) = &self.identity {
            note(None, "identity", mapping, &scope);
        }
        if let Some(each) = &self.each {
            note(None, "each", each, &scope);
        }
        for (nth, scope) in self.items(&scope).unwrap_or_default().iter().enumerate() {
            let item = self.each.as_ref().map(|_| nth + 1);
            if let Some(when) = &self.when {
                note(item, "when", when, scope);
            }
            for (field, mapping) in &self.fields {
                note(item, &format!("event.{}", field.path), mapping, scope);
            }
            for (name, mapping) in &self.attributes {
                note(item, &format!("event.attributes.{name}"), mapping, scope);
            }
        }
        all
    }
}
