//! Spans of the work on records, under the spans that produced them. Without anybody who records they cost a look at a
//! flag.

use boot::trace::{Role, Span, TraceContext, is_on};
use bus::{InRecord, OutRecord, header};

use crate::batch::Ending;
use crate::batches::Cut;
use crate::job::{Entry, Outcome, Verdict};

/// The span of one try at a record. A later try has a span of its own, linked to the first.
pub fn process<T>(service: &'static str, group: &str, entry: &mut Entry<T>) -> Span {
    if !is_on() {
        return Span::none();
    }
    let parent = producer(&entry.record);
    // Without a producer's span the tries are still of one trace.
    let span = Span::start(Role::Consumer, parent.or(entry.first_try)).with(|draft| {
        let record = &entry.record;
        draft.name(format!("process {}", record.slot.topic));
        draft.set("messaging.system", "kafka");
        draft.set("messaging.operation.name", "process");
        draft.set("messaging.operation.type", "process");
        draft.set("messaging.destination.name", &*record.slot.topic);
        draft.set("messaging.destination.partition.id", record.slot.partition.to_string());
        draft.set("messaging.kafka.offset", record.offset);
        draft.set("messaging.consumer.group.name", group);
        draft.set("okr.service", service);
        draft.set("okr.attempt", entry.tries.saturating_add(1));
        if let Some(id) = record.headers.get_str(header::CE_ID) {
            draft.set("messaging.message.id", id);
        }
        if let Some(first) = entry.first_try {
            draft.link(first);
        }
    });
    entry.first_try = entry.first_try.or(span.context());
    span
}

/// Ends the span of a try.
pub fn end(mut span: Span, outcome: &Outcome) {
    if let Outcome::Failed(failure) = outcome {
        span.fail(failure.reason(), &failure.to_string());
    }
}

/// The span of a dead letter on its way to Kafka, under the try that failed first, else under who produced the record.
pub fn letter(
    record: &InRecord,
    parent: Option<TraceContext>,
    letter: &OutRecord,
    verdict: &Verdict,
) -> Span {
    let parent = if is_on() { parent.or_else(|| producer(record)) } else { None };
    let Some(parent) = parent else { return Span::none() };
    Span::start(Role::Producer, Some(parent)).with(|draft| {
        draft.name(format!("send {}", letter.topic));
        draft.set("messaging.system", "kafka");
        draft.set("messaging.operation.name", "send");
        draft.set("messaging.operation.type", "send");
        draft.set("messaging.destination.name", &*letter.topic);
        draft.set("messaging.destination.partition.id", letter.partition.to_string());
        draft.set("okr.dead.reason", verdict.reason);
    })
}

/// The span of a batch: the first of a trace of its own, linked to who produced its records, if any of them is recorded.
pub fn batch(service: &'static str, cut: &Cut) -> Span {
    if !is_on() {
        return Span::none();
    }
    let records = cut.shares.iter().flat_map(|share| &share.records);
    Span::start_linked(Role::Consumer, records.filter_map(producer)).with(|draft| {
        let topic = cut.shares.first().map_or("", |share| &*share.slot.topic);
        draft.name(format!("process {topic}"));
        draft.set("messaging.system", "kafka");
        draft.set("messaging.operation.name", "process");
        draft.set("messaging.operation.type", "process");
        draft.set("messaging.destination.name", topic);
        draft.set("messaging.batch.message_count", cut.len());
        draft.set("okr.service", service);
    })
}

/// Ends the span of a batch.
pub fn batch_ended(mut span: Span, ending: &Ending) {
    match ending {
        Ending::Judged { .. } => {}
        // It is cut smaller, or what is at fault is buried; the records come again.
        Ending::Rejected { .. } | Ending::Refused { .. } | Ending::TooMany => span.fail("rejected", ""),
        Ending::Failed(failure) => span.fail(failure.reason(), &failure.to_string()),
    }
}

fn producer(record: &InRecord) -> Option<TraceContext> {
    TraceContext::parse(record.headers.get(header::TRACEPARENT)?)
}
