//! A collector: takes OTLP over HTTP, and knows its spans by trace.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use okr_tests::{FakeHttp, until};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{self as otlp, span::SpanKind, status::StatusCode},
};
use prost::Message as _;

/// One span as it arrived; ids in hexadecimal.
#[derive(Debug, Clone)]
pub struct Span {
    pub service: String,
    pub name: String,
    pub kind: SpanKind,
    pub trace: String,
    pub id: String,
    /// Empty for the first of its trace.
    pub parent: String,
    /// Ids of the spans of the same trace that it is linked to.
    pub links: Vec<String>,
    pub attributes: BTreeMap<String, String>,
    pub failed: bool,
    pub took: Duration,
}

impl Span {
    /// An attribute as text; empty when it is absent.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// Fails unless each attribute has this value.
    pub fn check(&self, expected: &[(&str, &str)]) -> Result<()> {
        for (name, value) in expected {
            ensure!(self.attribute(name) == *value, "{name} is not {value:?}: {self:#?}");
        }
        Ok(())
    }
}

/// A fake collector.
#[derive(Debug)]
pub struct Collector(FakeHttp);

impl Collector {
    pub fn start() -> Result<Self> {
        Ok(Self(FakeHttp::start()?))
    }

    /// Its address, without a path.
    pub fn url(&self) -> String {
        self.0.url("")
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.0.seen().len()
    }

    /// All spans so far. Everything that came must be OTLP, at its path, with the header that the config names.
    pub fn spans(&self) -> Result<Vec<Span>> {
        let mut spans = Vec::new();
        for seen in self.0.seen() {
            ensure!(seen.path == "/v1/traces", "posted to {}", seen.path);
            ensure!(seen.header("content-type") == "application/x-protobuf", "{:?}", seen.headers);
            ensure!(seen.header("x-collector") == "let me in", "{:?}", seen.headers);
            let request = ExportTraceServiceRequest::decode(seen.body).context("no OTLP")?;
            for resource in request.resource_spans {
                let attributes = attributes(&resource.resource.unwrap_or_default().attributes);
                for name in ["service.version", "service.instance.id"] {
                    ensure!(attributes.get(name).is_some_and(|value| !value.is_empty()), "no {name}");
                }
                let service = attributes.get("service.name").cloned().unwrap_or_default();
                let read = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
                spans.extend(read.map(|span| self::read(&service, span)));
            }
        }
        Ok(spans)
    }

    /// Waits until a trace has so many spans of this name, and gives them in the order of their ends.
    pub async fn wait_for(
        &self,
        trace: &str,
        name: &str,
        count: usize,
        limit: Duration,
    ) -> Result<Vec<Span>> {
        let look = async || {
            let mut spans = self.spans().ok()?;
            spans.retain(|span| span.trace == trace && span.name == name);
            (spans.len() >= count).then_some(spans)
        };
        let found = until(&format!("{count} of `{name}`"), limit, look).await;
        found.with_context(|| format!("the collector has {:#?}", self.spans()))
    }
}

fn read(service: &str, span: otlp::Span) -> Span {
    let same_trace = span.links.iter().filter(|link| link.trace_id == span.trace_id);
    Span {
        service: service.to_owned(),
        kind: span.kind(),
        links: same_trace.map(|link| hex::encode(&link.span_id)).collect(),
        attributes: attributes(&span.attributes),
        failed: span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error),
        took: Duration::from_nanos(span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano)),
        trace: hex::encode(span.trace_id),
        id: hex::encode(span.span_id),
        parent: hex::encode(span.parent_span_id),
        name: span.name,
    }
}

fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &KeyValue| match value.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        other => format!("{other:?}"),
    };
    all.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}
