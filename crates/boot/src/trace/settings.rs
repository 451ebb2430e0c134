//! `[traces]`: whether, where to, and how much of it; the standard variables of OpenTelemetry beside it.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use crate::{Secret, SecretError, SecretRef, Span};

/// Where a collector takes traces over HTTP.
const PATH: &str = "v1/traces";

/// `[traces]`: spans to an OpenTelemetry collector; off without an endpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// The collector's address; `/v1/traces` is added where it has no path.
    pub endpoint: Option<String>,
    /// Headers of each request, such as a login.
    pub headers: BTreeMap<String, SecretRef>,
    /// Which share of the traces that begin here is recorded, from 0 to 1.
    pub sample_ratio: f64,
    /// How many ended spans may wait for the collector.
    pub queue_max: usize,
    /// How long the collector may take for an answer.
    pub timeout: Span,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: BTreeMap::new(),
            sample_ratio: 1.0,
            queue_max: 2_048,
            timeout: Span::seconds(10),
        }
    }
}

/// Where spans are posted to.
#[derive(Debug, Clone)]
pub struct TracesTarget {
    /// The whole URL.
    pub url: Url,
    /// Headers of each request.
    pub headers: Vec<(String, Secret)>,
}

/// Why spans cannot be posted anywhere, although somebody wants them.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The address is none.
    #[error("{place} {problem}")]
    Endpoint {
        /// The key or the variable.
        place: String,
        /// What is wrong with it, and what would be right.
        problem: &'static str,
    },
    /// The secret of a header is not to be had.
    #[error("`traces.headers.{name}`: {error}")]
    Header {
        /// The header.
        name: String,
        /// Why.
        error: SecretError,
    },
}

/// The environment: the value of a variable, if it is set.
type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

impl TracesConfig {
    /// Where spans go to; none if nobody says so. `OTEL_EXPORTER_OTLP_…` is heeded where `endpoint` is left out, and
    /// `OTEL_SDK_DISABLED=true` always.
    pub fn target(&self, env: Env<'_>) -> Result<Option<TracesTarget>, TracesError> {
        let env = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        if env("OTEL_SDK_DISABLED").is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let mut headers = Vec::new();
        let url = match &self.endpoint {
            Some(endpoint) => own(endpoint)?,
            None => {
                let Some(url) = standard(&env)? else { return Ok(None) };
                headers.extend(either(&env, "HEADERS").iter().flat_map(|(_, text)| pairs(text)));
                url
            }
        };
        let mut headers: Vec<(String, Secret)> =
            headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        for (name, place) in &self.headers {
            let secret =
                place.resolve().map_err(|error| TracesError::Header { name: name.clone(), error })?;
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.clone(), secret));
        }
        Ok(Some(TracesTarget { url, headers }))
    }

    /// What is wrong with the section by itself: the key, and the rest of a sentence that begins with it.
    pub(crate) fn wrong(&self) -> Vec<(&'static str, &'static str)> {
        let endpoint = self.endpoint.as_ref().and_then(|endpoint| own(endpoint).err());
        let endpoint = endpoint.and_then(|error| match error {
            TracesError::Endpoint { problem, .. } => Some(("traces.endpoint", problem)),
            TracesError::Header { .. } => None,
        });
        let ratio = !(0.0..=1.0).contains(&self.sample_ratio);
        let ratio = ratio.then_some(("traces.sample_ratio", "must be from 0 to 1"));
        let queue = (self.queue_max < 1).then_some(("traces.queue_max", "must be at least 1"));
        [endpoint, ratio, queue].into_iter().flatten().collect()
    }
}

/// Who sends: `service.name` is `okr-router-<role>` unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` say
/// otherwise.
pub fn resource(role: &str, instance: &str, env: Env<'_>) -> Vec<(String, String)> {
    let mut resource = vec![
        ("service.name".to_owned(), format!("okr-router-{role}")),
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id".to_owned(), instance.to_owned()),
    ];
    let given = env("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let name = env("OTEL_SERVICE_NAME").filter(|name| !name.trim().is_empty());
    let name = name.map(|name| ("service.name".to_owned(), name));
    for (key, value) in pairs(&given).into_iter().chain(name) {
        resource.retain(|(known, _)| *known != key);
        resource.push((key, value));
    }
    resource
}

fn own(endpoint: &str) -> Result<Url, TracesError> {
    let mut url = parse(endpoint, "`traces.endpoint`")?;
    if url.path() == "/" {
        url.set_path(PATH);
    }
    Ok(url)
}

/// As OpenTelemetry wants it: the variable of traces is a whole URL, the common one a beginning.
fn standard(env: Env<'_>) -> Result<Option<Url>, TracesError> {
    let Some((name, text)) = either(env, "ENDPOINT") else { return Ok(None) };
    if let Some((name, protocol)) = either(env, "PROTOCOL")
        && protocol.trim() != "http/protobuf"
    {
        let problem =
            "asks for a protocol other than `http/protobuf`, the only one that is spoken here (port 4318)";
        return Err(TracesError::Endpoint { place: name, problem });
    }
    let mut url = parse(&text, &name)?;
    if !name.contains("TRACES") {
        let path = format!("{}/{PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(Some(url))
}

/// The variable of traces, else the common one: its name and value.
fn either(env: Env<'_>, what: &str) -> Option<(String, String)> {
    let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
    names.into_iter().find_map(|name| env(&name).map(|value| (name, value)))
}

/// The error never quotes the text: a token may have been put there.
fn parse(text: &str, place: &str) -> Result<Url, TracesError> {
    let wrong = |problem| TracesError::Endpoint { place: place.to_owned(), problem };
    let url = Url::parse(text.trim())
        .map_err(|_| wrong("is no URL; the collector's address is such as http://127.0.0.1:4318"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("must begin with http:// or https:// and name a host: spans go as OTLP over HTTP"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a login: put it into `traces.headers`"));
    }
    Ok(url)
}

/// `key=value,key=value`, percent-encoded.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        Some((decoded(key.trim()), decoded(value.trim()))).filter(|(key, _)| !key.is_empty())
    };
    text.split(',').filter_map(pair).collect()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests;
