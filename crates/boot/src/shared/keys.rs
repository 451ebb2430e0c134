//! The keys of the shared sections.

use crate::{Key, Kind};

const fn key(path: &'static str, kind: Kind, default: Option<&'static str>, doc: &'static str) -> Key {
    Key { path, kind, default, doc }
}

/// The keys of `[kafka] [registry] [store] [admin] [log] [traces]` and the top level.
pub const KEYS: &[Key] = &[
    key("data_dir", Kind::Text, Some("\"okr-router-data\""), "Folder for what the process keeps on disk."),
    key(
        "shutdown_grace",
        Kind::Span,
        Some("\"20s\""),
        "How long a role may take to finish what is in flight once it was asked to stop.",
    ),
    key("kafka.brokers", Kind::TextList, Some("[\"127.0.0.1:9092\"]"), "Brokers to begin with, `host:port`."),
    key("kafka.replication", Kind::Integer, Some("3"), "Copies of each partition of a topic that we create."),
    key(
        "kafka.min_insync_replicas",
        Kind::Integer,
        Some("2"),
        "Copies that must have a record before it is acknowledged.",
    ),
    key("kafka.partitions", Kind::Integer, Some("6"), "Partitions of each topic other than `okr.events`."),
    key(
        "kafka.security.protocol",
        Kind::Choice(&["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]),
        None,
        "Encryption and login. Needed as soon as there is a `security` table.",
    ),
    key(
        "kafka.security.mechanism",
        Kind::Choice(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]),
        None,
        "How to log in; needed by the `sasl_` protocols.",
    ),
    key("kafka.security.username", Kind::Text, None, "User name for SASL."),
    key("kafka.security.password", Kind::Secret, None, "Password for SASL."),
    key("kafka.security.ca_file", Kind::Text, None, "Certificates to trust (PEM); the system's if left out."),
    key(
        "kafka.security.cert_file",
        Kind::Text,
        None,
        "Our own certificate (PEM), for brokers that ask for one.",
    ),
    key("kafka.security.key_file", Kind::Text, None, "The key of our own certificate (PEM)."),
    key("kafka.security.key_password", Kind::Secret, None, "What that key is encrypted with."),
    key(
        "kafka.security.oauth.token_url",
        Kind::Text,
        None,
        "The token endpoint for `OAUTHBEARER` (OAuth 2, client credentials). Tokens are fetched anew before they end.",
    ),
    key("kafka.security.oauth.client_id", Kind::Text, None, "Who we are at the token endpoint."),
    key("kafka.security.oauth.client_secret", Kind::Secret, None, "What proves it there."),
    key("kafka.security.oauth.scope", Kind::Text, None, "The scope to ask for, if the endpoint wants one."),
    key(
        "kafka.fetch_wait",
        Kind::Span,
        Some("\"500ms\""),
        "How long a broker may hold a fetch that finds nothing new. Longer is quieter; new records still come at once.",
    ),
    key(
        "kafka.session_timeout",
        Kind::Span,
        Some("\"10s\""),
        "How long a group waits for a silent member before others get its partitions. Brokers take 6s to 30m unless told otherwise.",
    ),
    key(
        "kafka.poll_interval_max",
        Kind::Span,
        Some("\"5m\""),
        "How long a member may go without asking for records before it leaves its group. Raised by itself where `worker.drain_grace` or `session_timeout` need more.",
    ),
    key(
        "kafka.fetch_queue",
        Kind::Bytes,
        Some("\"16MiB\""),
        "Memory for records fetched but not yet taken over.",
    ),
    key(
        "kafka.produce_queue",
        Kind::Bytes,
        Some("\"32MiB\""),
        "Memory for records sent but not yet acknowledged.",
    ),
    key(
        "registry.url",
        Kind::TextOrSecret,
        Some("\"http://127.0.0.1:8081\""),
        "The schema registry (Confluent's API).",
    ),
    key(
        "registry.unknown_id_grace",
        Kind::Span,
        Some("\"10s\""),
        "How long an id that the registry does not know is asked for again before its record is dead-lettered.",
    ),
    key(
        "store.url",
        Kind::TextOrSecret,
        None,
        "Where services keep state: `file:PATH` (one process) or `postgres://user@host/db`. Left out: `state.db` in `data_dir`.",
    ),
    key(
        "store.seal",
        Kind::Secret,
        None,
        "Key that seals secrets which sources bring themselves (kind `asana`): at least 32 characters, such as `openssl rand -base64 32` prints; the same for all gateways.",
    ),
    key(
        "store.seal_old",
        Kind::Secrets,
        Some("[]"),
        "Keys before it. They still open what they sealed, and it is sealed anew with the present one; then they can be left out.",
    ),
    key(
        "admin.listen",
        Kind::Address,
        None,
        "Where `/livez`, `/readyz` and `/metrics` are served. Left out: each role's own port on 127.0.0.1.",
    ),
    key("log.format", Kind::Choice(&["human", "json"]), Some("\"human\""), "How a log line looks."),
    key(
        "log.filter",
        Kind::Text,
        Some("\"info\""),
        "What is logged: `level` or `target=level`, comma-separated.",
    ),
    key(
        "traces.endpoint",
        Kind::Text,
        None,
        "The OpenTelemetry collector that spans are sent to (OTLP over HTTP), such as `http://127.0.0.1:4318`; `/v1/traces` is added where it has no path. Left out: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT`, and without these no spans are recorded.",
    ),
    key(
        "traces.headers.*",
        Kind::Secret,
        None,
        "A header of each request to the collector, such as `authorization`.",
    ),
    key(
        "traces.sample_ratio",
        Kind::Number,
        Some("1.0"),
        "Which share of the traces that begin here is recorded, from 0 to 1. A trace that began elsewhere is recorded as it was decided there.",
    ),
    key(
        "traces.queue_max",
        Kind::Integer,
        Some("2048"),
        "Ended spans that may wait for the collector; more are dropped and counted.",
    ),
    key("traces.timeout", Kind::Span, Some("\"10s\""), "How long the collector may take for an answer."),
];
