//! Spans of deliveries, under the span in which their row was planned.
//!
//! The id of a first attempt's span is computed from its trace and its effect, so that a later attempt can point to it
//! without a note of it, in another process and after a restart too.

use boot::trace::{Role, Span, TraceContext, current, is_on};
use bus::{OutRecord, header};
use uuid::Uuid;

use crate::{Parcel, Row};

/// Notes the span in which parcels are planned.
pub fn note(parcels: &mut [Parcel]) {
    let Some(context) = current() else { return };
    let traceparent = context.to_string();
    for parcel in parcels {
        parcel.content.traceparent = Some(traceparent.clone());
    }
}

/// The span of an attempt, if the row was planned in a trace that is recorded.
pub fn attempt(row: &Row) -> Span {
    let Some(parent) = parent(&row.parcel) else { return Span::none() };
    let effect = &row.parcel.effect;
    let first = first(parent, &effect.id());
    let span = match row.attempt {
        0 | 1 => Span::start_as(Role::Client, parent, first),
        _ => Span::start(Role::Client, Some(parent)).with(|draft| draft.link(parent.with_span(first))),
    };
    span.with(|draft| {
        draft.name(format!("deliver {}", effect.target));
        draft.set("okr.service", effect.service.as_str());
        draft.set("okr.target", effect.target.as_str());
        draft.set("okr.attempt", row.attempt);
        draft.set("messaging.message.id", effect.event_id.to_string());
        if !effect.replay_id.is_empty() {
            draft.set("okr.replay_id", effect.replay_id.as_str());
        }
        if row.ambiguous {
            draft.set("okr.ambiguous", true);
        }
    })
}

/// The span of a dead letter on its way to Kafka.
pub fn letter(parcel: &Parcel, letter: &OutRecord, reason: &'static str) -> Span {
    let Some(parent) = parent(parcel) else { return Span::none() };
    Span::start(Role::Producer, Some(parent)).with(|draft| {
        draft.name(format!("send {}", letter.topic));
        draft.set("messaging.system", "kafka");
        draft.set("messaging.operation.name", "send");
        draft.set("messaging.operation.type", "send");
        draft.set("messaging.destination.name", &*letter.topic);
        draft.set("messaging.destination.partition.id", letter.partition.to_string());
        draft.set("messaging.message.id", parcel.effect.event_id.to_string());
        draft.set("okr.target", parcel.effect.target.as_str());
        draft.set("okr.dead.reason", reason);
    })
}

/// What the remote is told: our own span, or where the row comes from.
pub fn traceparent(parcel: &Parcel, span: &Span) -> Option<String> {
    let own = span.recorded().map(|context| context.to_string());
    let planned = || parcel.content.traceparent.clone();
    own.or_else(planned).or_else(|| parcel.record.header(header::TRACEPARENT).map(str::to_owned))
}

/// The span in which it was planned, else the one that produced its record.
fn parent(parcel: &Parcel) -> Option<TraceContext> {
    if !is_on() {
        return None;
    }
    let planned = parcel.content.traceparent.as_deref();
    let text = planned.or_else(|| parcel.record.header(header::TRACEPARENT))?;
    TraceContext::parse(text.as_bytes()).filter(TraceContext::is_sampled)
}

/// The span id of the first attempt at an effect in this trace.
pub fn first(parent: TraceContext, effect: &str) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] =
        Uuid::new_v5(&Uuid::from_bytes(parent.trace_id()), effect.as_bytes()).into_bytes();
    [a, b, c, d, e, f, g, h]
}
