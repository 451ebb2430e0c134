//! The topics in AsyncAPI 3: `bus` says which there are, `wire` what a value is; who writes and reads them stands here.

use anyhow::{Context, Result};
use bus::{Retention, Topic, header};
use serde_json::{Map, Value, json};

/// What `bus` and `wire` do not know about a topic.
struct Channel {
    topic: &'static str,
    meaning: &'static str,
    /// The subject whose schema the value has; the records of dead letters and replays have those of other topics.
    schema: &'static str,
    key: &'static str,
    headers: &'static [&'static [(&'static str, &'static str)]],
    senders: &'static [&'static str],
    /// Role and consumer group; `okr.audit` and dead letters are read by assignment.
    receivers: &'static [(&'static str, &'static str)],
}

const EVENT: &[(&str, &str)] = &[
    (header::CE_SPECVERSION, "CloudEvents: always 1.0."),
    (header::CE_ID, "CloudEvents: the event_id."),
    (header::CE_SOURCE, "CloudEvents: the configured source."),
    (header::CE_TYPE, "CloudEvents: okr.<subject type>.<change>."),
    (header::CE_TIME, "CloudEvents: when it happened, RFC 3339."),
    (header::CE_SUBJECT, "CloudEvents: the subject key."),
    (header::CONTENT_TYPE, "What the value is."),
    (header::TRACEPARENT, "W3C trace context, when there is one."),
    (header::TRACESTATE, "W3C trace context: what the sender added for itself."),
    (header::OKR_DEPARTMENT, "The name of the department's range; others when unknown."),
];

const ARRIVAL: &[(&str, &str)] = &[
    (header::CE_SPECVERSION, "CloudEvents: always 1.0."),
    (header::CE_ID, "CloudEvents: source and delivery identity, as the key."),
    (header::CE_SOURCE, "CloudEvents: the configured source."),
    (header::CE_TYPE, "CloudEvents: okr.arrival."),
    (header::CE_TIME, "CloudEvents: when it was received, RFC 3339."),
    (header::CONTENT_TYPE, "What the value is."),
    (header::TRACEPARENT, "W3C trace context, when there is one."),
    (header::TRACESTATE, "W3C trace state, when there is one."),
];

const PENDING: &[(&str, &str)] = &[
    (header::CE_SPECVERSION, "CloudEvents: always 1.0."),
    (header::CE_ID, "CloudEvents: the arrival's key and the reference's number in it, with a # between."),
    (header::CE_SOURCE, "CloudEvents: the configured source."),
    (header::CE_TYPE, "CloudEvents: okr.pending."),
    (header::CE_TIME, "CloudEvents: when it was received, RFC 3339."),
    (header::CE_SUBJECT, "CloudEvents: the object key."),
    (header::CONTENT_TYPE, "What the value is."),
    (header::TRACEPARENT, "W3C trace context, when there is one."),
    (header::TRACESTATE, "W3C trace state, when there is one."),
];

const AUDIT: &[(&str, &str)] = &[
    (header::CE_SPECVERSION, "CloudEvents: always 1.0."),
    (header::CE_ID, "CloudEvents: the entry's audit_id."),
    (header::CE_SOURCE, "CloudEvents: okr-router."),
    (header::CE_TYPE, "CloudEvents: okr.audit."),
    (header::CE_TIME, "CloudEvents: when it was done, RFC 3339."),
    (header::CE_SUBJECT, "CloudEvents: what it was done to, as the key."),
    (header::CONTENT_TYPE, "What the value is."),
];

const ORIGIN: &[(&str, &str)] = &[
    (header::OKR_ORIGINAL_TOPIC, "The topic where the record first lay."),
    (header::OKR_ORIGINAL_PARTITION, "Its partition there, decimal."),
    (header::OKR_ORIGINAL_OFFSET, "Its offset there, decimal."),
    (header::OKR_ORIGINAL_TIMESTAMP, "Its timestamp there, milliseconds since 1970, decimal."),
];

const DEAD: &[(&str, &str)] = &[
    (header::OKR_DEAD_SERVICE, "The service that gave up."),
    (header::OKR_DEAD_TARGET, "The target that it gave up for, where there is one."),
    (header::OKR_DEAD_REASON, "A word of a small closed set."),
    (header::OKR_DEAD_ERROR, "The error in words."),
    (header::OKR_DEAD_ATTEMPTS, "How often it was tried, decimal."),
    (header::OKR_DEAD_AT, "When, RFC 3339."),
];

const REPLAY: &[(&str, &str)] = &[
    (header::OKR_REPLAY_ID, "The run that brought the record."),
    (header::OKR_REPLAY_MODE, "What the run is for."),
    (header::OKR_DEAD_TARGET, "The target that the record is for."),
];

const CHANNELS: &[Channel] = &[
    Channel {
        topic: "okr.events",
        meaning: "What happened to an objective or key result: the state reached. Partitioned by department, ordered by subject.",
        schema: "okr.events-value",
        key: "The subject key: {namespace}/{type}/{id}.",
        headers: &[EVENT],
        senders: &["gateway"],
        receivers: &[("notifier", "okr.notifier"), ("warehouse", "okr.warehouse")],
    },
    Channel {
        topic: "okr.arrivals",
        meaning: "Verified deliveries, byte for byte, with chosen headers.",
        schema: "okr.arrivals-value",
        key: "Source and delivery identity.",
        headers: &[ARRIVAL],
        senders: &["gateway"],
        receivers: &[],
    },
    Channel {
        topic: "okr.pending",
        meaning: "What moved in a tool whose webhook does not say how it stands now: references to arrivals, each to be answered by a question to the tool.",
        schema: "okr.pending-value",
        key: "The object key: {namespace}/{the tool's word for it}/{id}.",
        headers: &[PENDING],
        senders: &["gateway"],
        receivers: &[],
    },
    Channel {
        topic: "okr.dead.gateway",
        meaning: "Verified deliveries that could not be understood: arrivals, with the reason.",
        schema: "okr.arrivals-value",
        key: "Source and delivery identity.",
        headers: &[ARRIVAL, ORIGIN, DEAD],
        senders: &["gateway"],
        receivers: &[],
    },
    Channel {
        topic: "okr.dead.notifier",
        meaning: "Records that the notifier gave up, untouched, with where they came from and why.",
        schema: "okr.events-value",
        key: "The record's own.",
        headers: &[EVENT, ORIGIN, DEAD],
        senders: &["notifier"],
        receivers: &[],
    },
    Channel {
        topic: "okr.dead.warehouse",
        meaning: "Records that the warehouse gave up, untouched, with where they came from and why.",
        schema: "okr.events-value",
        key: "The record's own.",
        headers: &[EVENT, ORIGIN, DEAD],
        senders: &["warehouse"],
        receivers: &[],
    },
    Channel {
        topic: "okr.replay.notifier",
        meaning: "Records that a person sent back to the notifier, untouched.",
        schema: "okr.events-value",
        key: "The record's own.",
        headers: &[EVENT, ORIGIN, REPLAY],
        senders: &["operator"],
        receivers: &[("notifier", "okr.notifier.replay")],
    },
    Channel {
        topic: "okr.audit",
        meaning: "Who did what, and why.",
        schema: "okr.audit-value",
        key: "What it was done to.",
        headers: &[AUDIT],
        senders: &["operator"],
        receivers: &[],
    },
];

/// The document. A topic of `bus` that is not described here is an error.
pub fn document(version: &str) -> Result<Value> {
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for topic in bus::TOPICS {
        let channel = CHANNELS.iter().find(|channel| channel.topic == topic.name);
        let channel = channel.with_context(|| format!("{} is not described", topic.name))?;
        messages.insert(topic.name.into(), message(channel)?);
        channels.insert(topic.name.into(), described(channel, topic));
        for sender in channel.senders {
            operations
                .insert(format!("{sender}.send.{}", topic.name), operation("send", sender, topic.name, None));
        }
        for (role, group) in channel.receivers {
            let receive = operation("receive", role, topic.name, Some(group));
            operations.insert(format!("{role}.receive.{}", topic.name), receive);
        }
    }
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "okr-router topics",
            "version": version,
            "description": "Records are Avro in the Confluent frame (a zero byte, four bytes schema id, the datum); subjects are named by TopicNameStrategy and kept FULL_TRANSITIVE.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/vnd.confluent.avro",
        "servers": { "kafka": { "host": "127.0.0.1:9092", "protocol": "kafka", "description": "`kafka.brokers`" } },
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    }))
}

fn described(channel: &Channel, topic: &Topic) -> Value {
    let policy = match topic.retention {
        Retention::Time(age) => json!({
            "cleanup.policy": ["delete"],
            "retention.ms": u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            "max.message.bytes": topic.max_message_bytes,
        }),
        Retention::Compact => {
            json!({ "cleanup.policy": ["compact"], "max.message.bytes": topic.max_message_bytes })
        }
    };
    json!({
        "address": topic.name,
        "description": channel.meaning,
        "messages": { "record": { "$ref": format!("#/components/messages/{}", topic.name) } },
        "bindings": { "kafka": { "topic": topic.name, "topicConfiguration": policy, "bindingVersion": "0.5.0" } },
    })
}

fn message(channel: &Channel) -> Result<Value> {
    let headers: Map<String, Value> = channel
        .headers
        .iter()
        .flat_map(|group| group.iter())
        .map(|(name, meaning)| ((*name).to_owned(), json!({ "type": "string", "description": meaning })))
        .collect();
    let mut message = json!({
        "name": channel.topic,
        "summary": channel.meaning,
        "payload": {
            "schemaFormat": "application/vnd.apache.avro+json;version=1.9.0",
            "schema": schema(channel.schema)?,
        },
        "bindings": {
            "kafka": {
                "key": { "type": "string", "description": channel.key },
                "schemaIdLocation": "payload",
                "schemaLookupStrategy": "TopicIdStrategy",
                "bindingVersion": "0.5.0",
            },
        },
    });
    if !headers.is_empty() {
        message["headers"] = json!({ "type": "object", "properties": headers });
    }
    Ok(message)
}

fn schema(subject: &str) -> Result<Value> {
    let text = wire::SUBJECTS.iter().find(|known| known.name == subject).map(|known| known.schema);
    Ok(serde_json::from_str(text.with_context(|| format!("{subject} is no subject"))?)?)
}

fn operation(action: &str, role: &str, topic: &str, group: Option<&str>) -> Value {
    let mut operation = json!({
        "action": action,
        "title": format!("{role}: {action} {topic}"),
        "channel": { "$ref": format!("#/channels/{topic}") },
    });
    if let Some(group) = group {
        let group = json!({ "type": "string", "enum": [group] });
        operation["bindings"] = json!({ "kafka": { "groupId": group, "bindingVersion": "0.5.0" } });
    }
    operation
}
