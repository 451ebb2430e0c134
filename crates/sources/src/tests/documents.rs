//! `docs/sources.md` says the truth: its configurations are built, its deliveries read, and what they become compared.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::Value;

use crate::{Delivery, Request, Source, SourceConfig, built};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sources.md"));

/// The fenced blocks of the page, with the language of each.
fn blocks() -> Vec<(&'static str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, Vec<&str>)> = None;
    for line in PAGE.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language, Vec::new())),
            (None, None) => {}
            (Some(_), Some(_)) => {
                blocks.extend(open.take().map(|(language, lines)| (language, lines.join("\n"))))
            }
            (Some((_, lines)), None) => lines.push(line),
        }
    }
    blocks
}

/// The source of a configuration, with a secret in every place that asks for one.
fn source(text: &str) -> Source {
    let (name, config) = section(text);
    Source::check(&name, &config).unwrap();
    let credentials = if text.contains("\"basic\"") { "\"user:word\"" } else { "\"c2VjcmV0\"" };
    let mut filled = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        for kind in ["env", "file"] {
            let open = format!("{{ {kind} = \"");
            while let Some(start) = line.find(&open).filter(|_| line.contains("secrets")) {
                let end = start + line[start..].find('}').unwrap() + 1;
                line.replace_range(start..end, credentials);
            }
        }
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/vectors/jwks.json");
        filled.push_str(&line.replace("/etc/okr-router/jwks.json", keys));
        filled.push('\n');
    }
    let (name, mut config) = section(&filled);
    if Source::must_learn(&config) {
        config.secrets.push("learned".into());
    }
    Source::build(&name, &config).unwrap()
}

fn section(text: &str) -> (String, SourceConfig) {
    let table: toml::Table = toml::from_str(text).unwrap();
    let sources = table["sources"].as_table().unwrap();
    let (name, section) = sources.iter().next().unwrap();
    (name.clone(), section.clone().try_into().unwrap())
}

/// What the request becomes: a list of events, what is to be asked about, or the field at fault.
fn become_of(source: &Source, request: &str) -> Value {
    let now = Timestamp::from_second(1_770_200_000).unwrap();
    let (head, body) = request.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next().unwrap(), format!("POST /in/{}", source.name()));
    let mut headers = HeaderMap::new();
    for (name, value) in source.sign(body.as_bytes(), now) {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(&value).unwrap());
    }
    assert_eq!(source.verify(&Request { headers: &headers, body: body.as_bytes(), now }), Ok(()), "{head}");
    for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
        headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let reading = source.read(&Delivery { headers: &headers, body: body.as_bytes(), received_at: now });
    if !reading.pendings.is_empty() {
        let pendings = reading.pendings.iter().map(|pending| {
            serde_json::json!({
                "object_type": pending.object_type, "object_id": pending.object_id, "change": pending.change,
                "occurred_at": pending.occurred_at, "actor": pending.actor,
            })
        });
        return serde_json::json!({ "pending": pendings.collect::<Vec<_>>() });
    }
    match reading.events {
        Ok(events) => serde_json::to_value(events).unwrap(),
        Err(fault) => serde_json::json!({ "held": fault.reason() }),
    }
}

/// Whether everything that the page says is so; it need not say everything.
#[track_caller]
fn check(said: &Value, is: &Value, place: &str) {
    match (said, is) {
        (Value::Object(said), Value::Object(is)) => {
            for (name, value) in said {
                check(value, is.get(name).unwrap_or(&Value::Null), &format!("{place}.{name}"));
            }
        }
        (Value::Array(said), Value::Array(is)) => {
            assert_eq!(said.len(), is.len(), "{place}");
            for (nth, (said, is)) in said.iter().zip(is).enumerate() {
                check(said, is, &format!("{place}[{nth}]"));
            }
        }
        (said, is) => assert_eq!(said, is, "{place}"),
    }
}

#[test]
fn every_mapping_does_what_its_page_says() {
    let mut configured: Option<Source> = None;
    let mut result: Option<Value> = None;
    let (mut kinds, mut names, mut compared) = (Vec::new(), Vec::new(), 0);
    for (language, text) in blocks() {
        match language {
            "toml" => {
                let source = source(&text);
                kinds.push(source.kind());
                names.push(source.name().to_owned());
                configured = Some(source);
            }
            "http" => result = Some(become_of(configured.as_ref().unwrap(), &text)),
            "json" => {
                let said: Value = serde_json::from_str(&text).unwrap();
                let name = configured.as_ref().unwrap().name();
                check(&said, &result.take().expect("a delivery stands before what it becomes"), name);
                compared += 1;
            }
            _ => {}
        }
        assert!(language != "toml" || result.is_none(), "{names:?}: a delivery and nothing that it becomes");
    }
    for kind in built() {
        assert!(kinds.contains(&kind), "{kind} has no example");
    }
    for name in ["perdoo", "tability", "power-automate", "zapier"] {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
    assert!(names.iter().any(|name| name.starts_with("profit")) && compared >= 12, "{compared}");
}
