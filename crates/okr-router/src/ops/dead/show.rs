//! `dead show`: letter by letter, with what is in them.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use bus::InRecord;
use jiff::Timestamp;
use serde_json::{Value, json};
use wire::Decoder;

use super::{Desk, filter::Filter, letter::Letter, marks::State};
use crate::cli::dead::Show;

/// Bytes of a value that nobody can decode that are shown.
const GLIMPSE: usize = 32;

/// Shows every letter that is meant, up to the maximum.
pub async fn run(desk: &Desk<'_>, options: &Show, now: Timestamp) -> Result<ExitCode> {
    let filter = Filter::read(&options.which, now)?;
    let url = desk.whole.shared.registry.url.resolve().context("`registry.url`")?;
    // Whoever looks wants to know now whether the registry knows an id.
    let decoder = wire::Registry::new(url.expose(), Duration::ZERO)?.decoder();
    let mut left = options.max;
    for topic in desk.topics(&filter)? {
        let mut pile = desk.pile(topic, None).await?;
        while let Some(record) = pile.next().await? {
            let letter = Letter::of(&record);
            if !desk.marks.means(&filter, &letter) {
                continue;
            }
            if left == 0 {
                eprintln!("there are more: --max {} was reached", options.max);
                return Ok(ExitCode::SUCCESS);
            }
            left -= 1;
            let shown = shown(&record, &letter, desk.marks.state(&letter), &content(&decoder, &record).await);
            let text = if options.output.json { format!("{shown}\n") } else { page(&shown) };
            if !crate::ops::put(&text)? {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    if left == options.max {
        eprintln!("no such letters");
    }
    Ok(ExitCode::SUCCESS)
}

/// The value decoded, or why it cannot be.
async fn content(decoder: &Decoder, record: &InRecord) -> Result<Value, String> {
    let Some(value) = &record.value else { return Err("the record has no value".to_owned()) };
    decoder.any(value).await.map_err(|error| error.to_string())
}

/// Everything about a letter, as one object.
pub fn shown(record: &InRecord, letter: &Letter, state: State<'_>, content: &Result<Value, String>) -> Value {
    let (state, run) = match state {
        State::Open => ("open", None),
        State::Redriven(run) => ("redriven", Some(run)),
        State::Dropped(run) => ("dropped", Some(run)),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = record.headers.iter().map(|(name, value)| json!([name, value.map(|value| text(value))]));
    let mut shown = json!({
        "letter": letter.position.to_string(),
        "service": letter.service, "target": letter.target, "reason": letter.reason, "error": letter.error,
        "attempts": letter.attempts, "at": letter.at.map(|at| at.to_string()), "department": letter.department,
        "state": state, "run": run,
        "original": letter.original.as_ref().map(ToString::to_string), "replay_id": letter.replay_id,
        "key": record.key.as_ref().map(|key| text(key)),
        "headers": Value::from_iter(headers),
        "value_bytes": record.value.as_ref().map(|value| value.len()),
    });
    match content {
        Ok(value) => shown["value"] = value.clone(),
        Err(why) => {
            shown["undecoded"] = json!(why);
            let glimpse = record.value.as_ref().map(|value| hex::encode(&value[..value.len().min(GLIMPSE)]));
            shown["value_begins"] = json!(glimpse);
        }
    }
    shown
}

/// The object for people: its fields line by line, headers left out, the value as it is indented.
pub fn page(shown: &Value) -> String {
    let mut page = format!("{}\n", shown["letter"].as_str().unwrap_or_default());
    for (name, value) in shown.as_object().into_iter().flatten() {
        if matches!(name.as_str(), "letter" | "headers") || value.is_null() {
            continue;
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Object(_) | Value::Array(_) => {
                let json = serde_json::to_string_pretty(value).unwrap_or_default();
                format!("\n    {}", json.replace('\n', "\n    "))
            }
            other => other.to_string(),
        };
        page.push_str(&format!("  {name}: {text}\n"));
    }
    page.push('\n');
    page
}
