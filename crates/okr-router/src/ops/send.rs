//! `okr-router send`: a delivery as a configured tool would make it.

use std::{io::Read, path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use egress::{Client, ClientOptions, Guard, Request};
use http::{HeaderName, HeaderValue, header::CONTENT_TYPE};
use url::Url;

use crate::{
    cli::{Send, Settings},
    config::{self, Reader, Whole},
    parts,
};

/// Posts, prints the answer, and is content only with 2xx.
pub fn run(settings: &Settings, options: &Send) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    let name = source_name(&whole, options.source.as_deref())?;
    let source = parts::source(&whole, &name)?;
    let now = jiff::Timestamp::now();
    let body = match &options.file {
        Some(file) => read(file)?,
        None => sample(source.kind(), now)?,
    };
    let path = if options.batch { format!("{name}/batch") } else { name };
    let url = url(&whole, options.url.as_deref(), &path)?;
    let media_type = if options.batch { batch_type(&body) } else { "application/json" };
    let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))];
    for (name, value) in source.sign(&body, now) {
        headers.push((HeaderName::try_from(name)?, HeaderValue::try_from(value)?));
    }
    let answer = super::block_on(async {
        let client = Client::new(ClientOptions { guard: Guard::Operator, ..ClientOptions::default() })?;
        let request = Request { url: &url, headers, body: Bytes::from(body) };
        client
            .post(request)
            .await
            .with_context(|| format!("{url} did not answer: is the gateway running there?"))
    })?;
    eprintln!("{} from {url}", answer.status);
    super::put(&format!("{}\n", String::from_utf8_lossy(&answer.body)))?;
    Ok(if (200..300).contains(&answer.status) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An array begins as one; everything else is lines.
fn batch_type(body: &[u8]) -> &'static str {
    if body.trim_ascii_start().starts_with(b"[") { "application/json" } else { "application/x-ndjson" }
}

/// The named source, or the only one there is.
pub(super) fn source_name(whole: &Whole, given: Option<&str>) -> Result<String> {
    let names = whole.document.names("sources");
    match (given, names.as_slice()) {
        (Some(given), names) if names.iter().any(|name| name == given) => Ok(given.to_owned()),
        (Some(given), names) => bail!("there is no source {given:?}; configured are: {}", names.join(", ")),
        (None, [only]) => Ok(only.clone()),
        (None, []) => bail!("no source is configured: add a [sources.NAME] section"),
        (None, names) => bail!("name one of the sources with --source: {}", names.join(", ")),
    }
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body).context("stdin was not read")?;
        return Ok(body);
    }
    std::fs::read(file).with_context(|| format!("{} was not read", file.display()))
}

fn url(whole: &Whole, given: Option<&str>, path: &str) -> Result<Url> {
    if let Some(given) = given {
        return Url::parse(given).with_context(|| format!("--url {given} is no URL"));
    }
    let config: gateway::GatewayConfig = whole.document.section("gateway")?;
    let mut listen = config.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    Ok(Url::parse(&format!("{}://{listen}/in/{path}", config.scheme()))?)
}

/// A check-in that uses what most tools say; new with every call, since its time is.
fn sample(kind: &str, now: jiff::Timestamp) -> Result<Vec<u8>> {
    let kr = serde_json::json!({
        "subject": { "type": "key_result", "id": "kr-42", "parent_id": "obj-7",
                     "title": "Raise the renewal rate to 95 %", "url": "https://okr.example.com/kr/42" },
        "department": "sales",
        "team": "Renewals",
        "owner": { "id": "u-1", "name": "Renewals lead", "email": "renewals@example.com" },
        "metric": { "start": 80, "target": 95, "current": 86.3, "unit": "%" },
        "confidence": 0.7,
        "status": "on_track",
        "note": "Sent by `okr-router send`",
    });
    let body = match kind {
        "standard-webhooks" => {
            serde_json::json!({ "type": "key_result.checked_in", "timestamp": now.to_string(), "data": kr })
        }
        "okr" => {
            let mut body = kr;
            body["type"] = "key_result.checked_in".into();
            body["id"] = format!("sample-{}", now.as_microsecond()).into();
            body["occurred_at"] = now.to_string().into();
            body
        }
        other => bail!("there is no sample for kind {other:?}: give a body with --file"),
    };
    Ok(serde_json::to_vec_pretty(&body)?)
}

#[cfg(test)]
mod tests;
