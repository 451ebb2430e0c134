//! The gateway in OpenAPI 3.1, made from what it answers.

use serde_json::{Map, Value, json};

use crate::{
    problem::{Problem, RETRY_AFTER_SECONDS},
    split::Form,
};

/// The default of `gateway.body_max`.
pub(crate) const BODY_MAX: u64 = 512 << 10;
/// The default of `gateway.batch_items_max`.
pub(crate) const BATCH_ITEMS_MAX: usize = 1_000;

/// Every refusal, in the order in which a request meets them.
const REFUSALS: &[Problem] = &[
    Problem::Connections,
    Problem::Malformed,
    Problem::Headers,
    Problem::LongPath,
    Problem::UnknownSource,
    Problem::Method,
    Problem::Paused,
    Problem::MediaType,
    Problem::Encoding,
    Problem::TooLarge { bytes_max: BODY_MAX },
    Problem::BodyLate,
    Problem::BodySlow,
    Problem::BodyBroken,
    Problem::Unproven { reason: "" },
    Problem::TooMany { retry_after: RETRY_AFTER_SECONDS },
    Problem::Unavailable { reason: "" },
    Problem::Internal,
];

/// What only a batch is refused for.
const BATCH_REFUSALS: &[Problem] = &[Problem::TooManyItems { items_max: BATCH_ITEMS_MAX }];

/// The document: `POST /in/{source}`, its answers, and what they mean to a sender.
#[must_use]
pub fn openapi(version: &str) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "okr-router gateway",
            "version": version,
            "description": "Webhooks of OKR tools in, durable events on Kafka out. A 2xx means that Kafka holds every record of the delivery.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:8080", "description": "`gateway.listen`" }],
        "paths": {
            "/in/{source}": { "parameters": [source()], "post": operation(), "options": handshake() },
            "/in/{source}/batch": { "parameters": [source()], "post": batch() },
        },
        "components": {
            "schemas": { "Accepted": accepted(), "BatchOutcome": batch_outcome(), "Outcome": outcome(), "Problem": problem() },
            "headers": {
                "RetryAfter": {
                    "description": "Seconds after which the same delivery may be sent again; it keeps its ids.",
                    "schema": { "type": "integer", "minimum": 0 },
                },
            },
        },
    })
}

fn operation() -> Value {
    let kept = "Kafka holds every record, or the delivery was accepted before, or it is held for a person.";
    let mut operation = posted((kept, "Outcome"), REFUSALS.iter(), sources::media_types().into_iter());
    operation["operationId"] = json!("deliver");
    operation["summary"] = json!("Deliver a webhook");
    operation["description"] = json!(
        "The body is verified as it is on the wire, as the source's kind and `verify` say, before it is parsed. Repeat it unchanged after a 408, 429 or 5xx."
    );
    operation["responses"]["200"] = json!({
        "description": "The handshake of a source that brings its secrets itself (kind `asana`), while a person has opened it: the secret is kept.",
        "headers": { "x-hook-secret": { "schema": { "type": "string" } } },
    });
    operation["requestBody"]["description"] = json!(
        "What the tool sends, in a media type that the source's kind documents; `content-encoding: gzip` is allowed."
    );
    operation
}

/// Many deliveries under one signature.
fn batch() -> Value {
    let kept =
        "Of every item Kafka holds all records, or it was accepted before, or it is held for a person.";
    let refusals = REFUSALS.iter().chain(BATCH_REFUSALS);
    let mut operation = posted((kept, "BatchOutcome"), refusals, Form::media_types());
    operation["operationId"] = json!("deliverBatch");
    operation["summary"] = json!("Deliver many webhooks under one signature");
    operation["description"] = json!(
        "The signature covers the whole body as it is on the wire. Each item is a delivery of its own: where a header says which delivery it is, the header is of the batch and the item adds `#` and its number, from 0. A bad item is held and fails no other. A 5xx is of the whole batch: repeat it unchanged, and what was stored is answered as a duplicate. A batch counts as its items for the source's rate."
    );
    operation["requestBody"]["description"] = json!(
        "A JSON array, a JSON body in each line, or a batch of CloudEvents for sources of kind `cloudevents`; `content-encoding: gzip` is allowed."
    );
    operation
}

/// A POST, what is told when it is kept, and what else may be told.
fn posted<'a>(
    (kept, schema): (&str, &str),
    refusals: impl Iterator<Item = &'a Problem>,
    media_types: impl Iterator<Item = &'static str>,
) -> Value {
    let mut responses = Map::new();
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    let kept = json!({ "description": kept, "content": { "application/json": { "schema": schema } } });
    responses.insert("202".into(), kept);
    for refusal in refusals {
        refuse(responses.entry(refusal.status().as_str()).or_insert_with(|| json!({})), *refusal);
    }
    let content: Map<String, Value> =
        media_types.map(|name| (name.to_owned(), json!({ "schema": {} }))).collect();
    json!({
        "parameters": [{
            "name": "traceparent", "in": "header", "required": false,
            "description": "W3C trace context; it travels with the event.",
            "schema": { "type": "string" },
        }, {
            "name": "tracestate", "in": "header", "required": false,
            "description": "W3C trace context: up to 512 bytes travel with a valid `traceparent`.",
            "schema": { "type": "string" },
        }],
        "requestBody": { "required": true, "content": content },
        "responses": responses,
    })
}

/// Adds what this refusal means, and its headers, to the answer of its status.
fn refuse(answer: &mut Value, refusal: Problem) {
    let before = answer["description"].as_str().map(|others| format!("{others}; or ")).unwrap_or_default();
    answer["description"] = json!(before + &refusal.detail());
    answer["content"] =
        json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    if let Some((name, _)) = refusal.header() {
        answer["headers"][name.as_str()] = match name.as_str() {
            "retry-after" => json!({ "$ref": "#/components/headers/RetryAfter" }),
            _ => json!({ "schema": { "type": "string" } }),
        };
    }
}

fn source() -> Value {
    json!({
        "name": "source", "in": "path", "required": true,
        "description": "A name of `[sources]`.",
        "schema": { "type": "string" },
    })
}

/// What kind `cloudevents` answers before the first delivery; other kinds know no OPTIONS.
fn handshake() -> Value {
    let asked = |name: &str, required: bool| json!({ "name": name, "in": "header", "required": required, "schema": { "type": "string" } });
    let said = json!({ "schema": { "type": "string" } });
    let mut refusal = json!({});
    refuse(&mut refusal, Problem::Method);
    json!({
        "operationId": "greet",
        "summary": "Ask whether deliveries are taken",
        "description": "The handshake of CloudEvents webhooks, for sources of kind `cloudevents`.",
        "parameters": [asked("webhook-request-origin", true), asked("webhook-request-rate", false)],
        "responses": {
            "200": {
                "description": "Deliveries of that origin are taken, once they are proven.",
                "headers": {
                    "allow": said, "webhook-allowed-origin": said, "webhook-allowed-rate": said,
                },
            },
            "405": refusal,
        },
    })
}

fn accepted() -> Value {
    json!({
        "type": "object",
        "description": "One event that Kafka acknowledged.",
        "required": ["event_id", "type", "department", "partition", "offset"],
        "properties": {
            "event_id": { "type": "string", "format": "uuid", "description": "The same for every repeat of the delivery." },
            "type": { "type": "string", "examples": ["okr.key_result.checked_in"] },
            "department": { "type": "string", "description": "The range of partitions; `others` when the department is unknown." },
            "partition": { "type": "integer", "minimum": 0 },
            "offset": { "type": "integer", "minimum": 0 },
            "duplicate": { "type": "boolean", "description": "Present and true when it was accepted before." },
        },
    })
}

fn outcome() -> Value {
    let count = |meaning: &str| json!({ "type": "integer", "minimum": 0, "description": meaning });
    json!({
        "type": "object",
        "required": ["accepted", "duplicates", "held", "pending"],
        "properties": {
            "accepted": { "type": "array", "items": { "$ref": "#/components/schemas/Accepted" } },
            "duplicates": count("Events that were accepted before."),
            "held": count("Deliveries kept for a person, because they could not be understood."),
            "pending": count("References on `okr.pending`, each to be answered by a question to the tool."),
            "reason": { "type": "string", "description": "Why it is held: the field at fault, or a word of a closed set." },
        },
    })
}

fn batch_outcome() -> Value {
    json!({
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {
                "type": "array",
                "description": "One for each item, in the batch's order.",
                "items": {
                    "allOf": [{ "$ref": "#/components/schemas/Outcome" }],
                    "required": ["status"],
                    "properties": { "status": { "type": "integer", "const": 202 } },
                },
            },
        },
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "reason": { "type": "string", "description": "`paused`: a person has paused the source, and nothing was kept. Other refusals say none." },
        },
    })
}

#[cfg(test)]
mod tests;
