//! The list of keys for editors (JSON Schema) and for people (a Markdown table).

use serde_json::{Map, Value, json};

use super::spec::Spec;
use crate::{Key, Kind};

/// The configuration as a JSON Schema (draft 2020-12), for editors that complete and check TOML.
pub fn schema(keys: &[Key]) -> Value {
    let mut root = of_spec(&Spec::of(keys));
    root["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    root["title"] = "okr-router configuration".into();
    root
}

/// The keys as a Markdown table with the columns Key, Value, Default, Meaning, in the order given.
pub fn table(keys: &[Key]) -> String {
    let mut out = String::from("| Key | Value | Default | Meaning |\n|---|---|---|---|\n");
    for key in keys {
        let cell = |text: &str| text.replace('|', "\\|");
        let default = key.default.map(|text| format!("`{}`", cell(text))).unwrap_or_default();
        let row = [format!("`{}`", key.path), cell(&key.kind.expected()), default, cell(key.doc)];
        out.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    out
}

fn of_spec(spec: &Spec) -> Value {
    if let Some(key) = spec.key.filter(|_| spec.is_leaf()) {
        return of_key(&key);
    }
    let mut out = match &spec.item {
        Some(item) => json!({ "type": "array", "items": of_spec(item) }),
        None => {
            let names: Map<String, Value> =
                spec.children.iter().map(|(name, child)| ((*name).to_owned(), of_spec(child))).collect();
            let others = spec.any.as_deref().map_or(Value::Bool(false), of_spec);
            json!({ "type": "object", "properties": names, "additionalProperties": others })
        }
    };
    let Some(key) = spec.key else { return out };
    if key.kind == Kind::Table {
        out["description"] = key.doc.into();
        return out;
    }
    // A key that may be a plain value or a table.
    json!({ "description": key.doc, "anyOf": [of_kind(key.kind), out] })
}

fn of_key(key: &Key) -> Value {
    let mut out = of_kind(key.kind);
    out["description"] = key.doc.into();
    if let Some(default) = key.default.and_then(json_of_toml) {
        out["default"] = default;
    }
    out
}

fn of_kind(kind: Kind) -> Value {
    let reference = |name: &str| {
        json!({ "type": "object", "properties": { name: { "type": "string", "minLength": 1 } },
                "required": [name], "additionalProperties": false })
    };
    let secret = || json!({ "anyOf": [{ "type": "string" }, reference("env"), reference("file")] });
    match kind {
        Kind::Text | Kind::Expression => json!({ "type": "string" }),
        Kind::Address => json!({ "type": "string", "examples": ["127.0.0.1:8080"] }),
        Kind::Span => json!({ "type": "string", "pattern": "^([0-9]+ *(ms|s|m|h|d|w) *)+$" }),
        Kind::Rate => json!({ "type": "string", "pattern": "^(none|[0-9.]+ */ *[smhd])$" }),
        Kind::Integer => json!({ "type": "integer" }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Bytes => json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^[0-9]+ *(B|KiB|MiB|GiB|kB|KB|MB|GB)?$" },
        ] }),
        Kind::Secret | Kind::TextOrSecret => secret(),
        Kind::Secrets => json!({ "type": "array", "items": secret() }),
        Kind::TextList => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Integers => json!({ "type": "array", "items": { "type": "integer" } }),
        Kind::Choice(words) => json!({ "type": "string", "enum": words }),
        Kind::Table => json!({ "type": "object" }),
    }
}

fn json_of_toml(text: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    serde_json::to_value(table.get("value")?).ok()
}
