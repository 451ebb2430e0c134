//! The gateway in OpenAPI 3.1, made from what it answers.

use serde_json::{Map, Value, json};

use crate::problem::{Problem, RETRY_AFTER_SECONDS};

/// The default of `gateway.body_max`.
pub(crate) const BODY_MAX: u64 = 512 << 10;

/// Every refusal, in the order in which a request meets them.
const REFUSALS: &[Problem] = &[
    Problem::Connections,
    Problem::Malformed,
    Problem::Headers,
    Problem::LongPath,
    Problem::UnknownSource,
    Problem::Method,
    Problem::MediaType,
    Problem::Encoding,
    Problem::TooLarge { bytes_max: BODY_MAX },
    Problem::BodyLate,
    Problem::BodyBroken,
    Problem::Unproven { reason: "" },
    Problem::TooMany { retry_after: RETRY_AFTER_SECONDS },
    Problem::Unavailable { reason: "" },
    Problem::Internal,
];

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
        "paths": { "/in/{source}": { "parameters": [source()], "post": operation(), "options": handshake() } },
        "components": {
            "schemas": { "Accepted": accepted(), "Outcome": outcome(), "Problem": problem() },
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
    let mut responses = Map::new();
    responses.insert(
        "202".into(),
        json!({
            "description": "Kafka holds every record, or the delivery was accepted before, or it is held for a person.",
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Outcome" } } },
        }),
    );
    for refusal in REFUSALS {
        refuse(responses.entry(refusal.status().as_str()).or_insert_with(|| json!({})), *refusal);
    }
    let content: Map<String, Value> =
        sources::media_types().into_iter().map(|name| (name.to_owned(), json!({ "schema": {} }))).collect();
    json!({
        "operationId": "deliver",
        "summary": "Deliver a webhook",
        "description": "The body is verified as it is on the wire, as the source's kind and `verify` say, before it is parsed. Repeat it unchanged after a 408, 429 or 5xx.",
        "parameters": [{
            "name": "traceparent", "in": "header", "required": false,
            "description": "W3C trace context; it travels with the event.",
            "schema": { "type": "string" },
        }, {
            "name": "tracestate", "in": "header", "required": false,
            "description": "W3C trace context: up to 512 bytes travel with a valid `traceparent`.",
            "schema": { "type": "string" },
        }],
        "requestBody": {
            "required": true,
            "description": "What the tool sends, in a media type that the source's kind documents; `content-encoding: gzip` is allowed.",
            "content": content,
        },
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
            "pending": count("Deliveries that need a question to the tool first."),
            "reason": { "type": "string", "description": "Why it is held: the field at fault, or a word of a closed set." },
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
        },
    })
}

#[cfg(test)]
mod tests;
