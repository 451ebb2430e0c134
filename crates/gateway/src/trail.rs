//! Traces: what a request brings along, what its records carry on, and the spans between.
//!
//! A sender's trace goes on through us whether we record spans or not.

use boot::trace::{Role, Span, TraceContext};
use bus::{Headers, OutRecord, header};
use bytes::Bytes;
use futures::future::Either;
use http::{HeaderMap, Method};
use tokio::time::Instant;

use crate::kafka::Report;

/// A longer `tracestate` may be let go, says W3C; it would travel with every record.
const STATE_BYTES_MAX: usize = 512;
/// What all doors are called in spans: names of sources are an attribute.
pub(crate) const ROUTE: &str = "/in/{source}";
/// And the doors of batches.
pub(crate) const BATCH_ROUTE: &str = "/in/{source}/batch";

/// What is asked, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub method: &'a Method,
    pub route: &'static str,
    /// As the gateway itself speaks it, whatever a proxy before it speaks.
    pub scheme: &'static str,
}

/// The trace that a delivery belongs to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail {
    /// Who comes before the next span: the sender, then our own span of its request.
    parent: Option<TraceContext>,
    /// The sender's `traceparent`, as it came.
    given: Option<Bytes>,
    /// The sender's `tracestate`.
    state: Option<Bytes>,
}

impl Trail {
    /// What the request carries: exactly one `traceparent`, and a valid one, or nothing.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::TRACEPARENT).iter();
        let given = values.next().filter(|_| values.next().is_none()).map(|value| value.as_bytes());
        let Some(parent) = given.and_then(TraceContext::parse) else { return Self::default() };
        Self { parent: Some(parent), given: given.map(Bytes::copy_from_slice), state: state(headers) }
    }

    /// The span of a request that began at this time; what follows comes under it.
    ///
    /// Only of a proven request: whoever begins a trace says whether it is recorded, and that is not for strangers to
    /// say. The span of another one is that of an empty trail, so it is recorded if our own ratio falls on it.
    pub(crate) fn enter(&mut self, entry: &Entry<'_>, began: Instant) -> Span {
        let Entry { method, route, scheme } = *entry;
        let span = Span::start(Role::Server, self.parent).with(|draft| {
            draft.since(began.into_std());
            let method = if is_known(method) { method.as_str() } else { "_OTHER" };
            draft.name(format!("{} {route}", if method == "_OTHER" { "HTTP" } else { method }));
            draft.set("http.request.method", method);
            draft.set("http.route", route);
            draft.set("url.scheme", scheme);
        });
        self.parent = span.context().or(self.parent);
        span
    }

    /// The span of one record on its way to Kafka.
    pub(crate) fn send(&self) -> Span {
        // Without a span of the request there is none of its records.
        self.parent.map_or_else(Span::none, |parent| Span::start(Role::Producer, Some(parent)))
    }

    /// What the record of this span carries: its own context, or what the sender sent.
    pub(crate) fn push(&self, headers: &mut Headers, span: &Span) {
        let own = || self.parent.map(|parent| Bytes::from(parent.to_string()));
        let recorded = span.recorded().map(|context| Bytes::from(context.to_string()));
        let value = recorded.or_else(|| self.given.clone()).or_else(own);
        if let Some(value) = value {
            headers.push(header::TRACEPARENT, value);
        }
        if let Some(state) = &self.state {
            headers.push(header::TRACESTATE, state.clone());
        }
    }
}

/// A record to be handed over, and its span.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub record: OutRecord,
    pub span: Span,
}

impl Outgoing {
    /// The record, and a way to end its span with its report. Without a recorded span the report stays as it is.
    pub(crate) fn parted(self) -> (OutRecord, impl FnOnce(Report) -> Report) {
        let Self { record, span } = self;
        let mut span = span.with(|draft| {
            let text = |name: &str| record.headers.get_str(name).map(str::to_owned);
            draft.name(format!("send {}", record.topic));
            draft.set("messaging.system", "kafka");
            draft.set("messaging.operation.name", "send");
            draft.set("messaging.operation.type", "send");
            draft.set("messaging.destination.name", &*record.topic);
            draft.set("messaging.destination.partition.id", record.partition.to_string());
            draft.set("messaging.message.body.size", record.value.as_ref().map_or(0, Bytes::len));
            if let Some(id) = text(header::CE_ID) {
                draft.set("messaging.message.id", id);
            }
            if let Some(reason) = text(header::OKR_DEAD_REASON) {
                draft.set("okr.dead.reason", reason);
            }
        });
        let ended = move |report: Report| -> Report {
            if span.recorded().is_none() {
                return report;
            }
            Either::Right(Box::pin(async move {
                let placed = report.await;
                match &placed {
                    Ok(placed) => span.tell(|draft| draft.set("messaging.kafka.offset", placed.offset)),
                    Err(error) => span.fail(error.reason(), &error.to_string()),
                }
                placed
            }))
        };
        (record, ended)
    }
}

/// All `tracestate` headers as one, if that is short and plain.
fn state(headers: &HeaderMap) -> Option<Bytes> {
    let values = headers.get_all(header::TRACESTATE).iter();
    let values: Vec<&str> = values.map(|value| value.to_str().ok()).collect::<Option<_>>()?;
    let joined = values.join(",");
    (!joined.trim().is_empty() && joined.len() <= STATE_BYTES_MAX).then(|| Bytes::from(joined))
}

/// Methods that have a name of their own in spans; anybody can invent more.
fn is_known(method: &Method) -> bool {
    [Method::POST, Method::GET, Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS, Method::PATCH]
        .contains(method)
}

#[cfg(test)]
mod tests;
