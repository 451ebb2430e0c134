//! `[gateway]`: where it listens, how long it takes, how much it takes.

use std::{net::SocketAddr, time::Duration};

use boot::{Bytes, Key, Kind, Span};
use serde::Deserialize;

use crate::{GatewayError, TlsConfig, proxies::Proxies};

/// The largest record that the gateway's topics take; the same number stands in `bus::TOPICS`.
const RECORD_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// What an event or an arrival has besides the body and the headers: names, ids, times, the frame.
const RECORD_BYTES_EXTRA: u64 = 16 * 1024;
/// What an event says fits its record as well: its id, key and names stand in headers, too.
const _: () = assert!(sources::EVENT_BYTES_MAX as u64 + 2 * RECORD_BYTES_EXTRA <= RECORD_BYTES_MAX);
/// The producer queues a hundred thousand records at most, and an item has two or more.
const BATCH_ITEMS_MOST: usize = 10_000;
/// How much of the deadline is left for the answer when Kafka gives up.
const ANSWER_RESERVE: Duration = Duration::from_secs(1);

/// `[gateway]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Where webhooks arrive.
    pub listen: SocketAddr,
    /// What it shows of itself; plain HTTP without it.
    pub tls: Option<TlsConfig>,
    /// Every request is answered within it.
    pub request_deadline: Span,
    /// Bytes of a body, on the wire and inflated.
    pub body_max: Bytes,
    /// Whether the arrival of a delivery that became events, or is nothing for us, is kept.
    pub keep_arrivals: bool,
    /// For how long a repeated delivery is recognised without asking Kafka.
    pub duplicate_window: Span,
    /// Deliveries in the duplicate window.
    pub duplicate_entries_max: usize,
    /// Memory for the duplicate window.
    pub duplicate_bytes_max: Bytes,
    /// Open connections; more are answered 503.
    pub connections_max: usize,
    /// Headers of a request; more are answered 431.
    pub headers_max: usize,
    /// Bytes of all names and values of a request's headers; more are answered 431.
    pub headers_bytes_max: Bytes,
    /// Items of a batch; more are answered 413.
    pub batch_items_max: usize,
    /// Bytes of all bodies that are being read or on their way to Kafka; more are answered 503.
    pub in_flight_bytes_max: Bytes,
    /// Networks of proxies whose word for a client's address is believed.
    pub trusted_proxies: Vec<String>,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls: None,
            request_deadline: Span::seconds(10),
            body_max: Bytes(crate::spec::BODY_MAX),
            keep_arrivals: true,
            duplicate_window: Span::seconds(3600),
            duplicate_entries_max: 28_000,
            duplicate_bytes_max: Bytes(32 << 20),
            connections_max: 4096,
            headers_max: 100,
            headers_bytes_max: Bytes(32 << 10),
            batch_items_max: crate::spec::BATCH_ITEMS_MAX,
            in_flight_bytes_max: Bytes(16 << 20),
            trusted_proxies: Vec::new(),
        }
    }
}

impl GatewayConfig {
    /// The producer's `message.timeout.ms`: what is left of the deadline is for the answer.
    #[must_use]
    pub fn message_timeout(&self) -> Duration {
        self.request_deadline.0.saturating_sub(ANSWER_RESERVE)
    }

    /// Stopping takes no longer: a request that came last has its deadline, and what it became the producer's time.
    #[must_use]
    pub fn stop_max(&self) -> Duration {
        self.request_deadline.0 + self.message_timeout()
    }

    /// What its addresses begin with.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The largest record that a permitted delivery becomes.
    #[must_use]
    pub fn record_bytes_max(&self) -> u64 {
        self.body_max.0.saturating_add(self.headers_bytes_max.0).saturating_add(RECORD_BYTES_EXTRA)
    }

    /// The networks of [`GatewayConfig::trusted_proxies`].
    pub(crate) fn proxies(&self) -> Result<Proxies, GatewayError> {
        Proxies::read(&self.trusted_proxies).map_err(|nth| {
            let path = format!("gateway.trusted_proxies[{nth}]");
            GatewayError::config(path, "is neither a network such as `10.0.0.0/8` nor an address")
        })
    }

    /// Whether the values fit each other.
    ///
    /// # Errors
    /// The key at fault, in words.
    pub fn check(&self) -> Result<(), GatewayError> {
        if self.request_deadline.0 < 2 * ANSWER_RESERVE {
            let problem = "must be at least 2s: one for Kafka, one for the answer";
            return Err(GatewayError::config("gateway.request_deadline", problem));
        }
        if self.body_max.0 == 0 {
            return Err(GatewayError::config("gateway.body_max", "must be above 0"));
        }
        let record = self.record_bytes_max();
        if record > RECORD_BYTES_MAX {
            let most = RECORD_BYTES_MAX - RECORD_BYTES_EXTRA;
            let problem = format!(
                "and `gateway.headers_bytes_max` permit a delivery of {record} bytes, but the topics take records of \
                 {RECORD_BYTES_MAX}; together they may be at most {most}"
            );
            return Err(GatewayError::config("gateway.body_max", problem));
        }
        if self.batch_items_max > BATCH_ITEMS_MOST {
            let problem = format!("may be at most {BATCH_ITEMS_MOST}: all of them are on their way at once");
            return Err(GatewayError::config("gateway.batch_items_max", problem));
        }
        if self.in_flight_bytes_max.0 < self.body_max.0.saturating_mul(2) {
            let problem =
                "must be at least twice `gateway.body_max`: a packed body counts as it came and as it was";
            return Err(GatewayError::config("gateway.in_flight_bytes_max", problem));
        }
        self.proxies()?;
        for (path, value) in [
            ("gateway.connections_max", self.connections_max),
            ("gateway.headers_max", self.headers_max),
            ("gateway.batch_items_max", self.batch_items_max),
            ("gateway.duplicate_entries_max", self.duplicate_entries_max),
        ] {
            if value == 0 {
                return Err(GatewayError::config(path, "must be above 0"));
            }
        }
        Ok(())
    }
}

const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { path, kind, default: Some(default), doc }
}

/// The keys of `[gateway]` and `[departments]`.
pub const KEYS: &[Key] = &[
    key("gateway.listen", Kind::Address, "\"127.0.0.1:8080\"", "Where webhooks arrive: `POST /in/{source}`."),
    Key {
        path: "gateway.tls.certificate",
        kind: Kind::Text,
        default: None,
        doc: "The file of the certificate chain (PEM), the gateway's own first. With it the port speaks HTTPS and nothing else; the files are read again when they change, and on SIGHUP.",
    },
    Key {
        path: "gateway.tls.key",
        kind: Kind::TextOrSecret,
        default: None,
        doc: "The file of the certificate's key (PEM), or `{ env = … }` or `{ file = … }` that hold the key itself.",
    },
    key(
        "gateway.request_deadline",
        Kind::Span,
        "\"10s\"",
        "Every request is answered within it; what Kafka has not acknowledged by then is answered 503.",
    ),
    key(
        "gateway.body_max",
        Kind::Bytes,
        "\"512KiB\"",
        "The largest body, on the wire and inflated; more is 413.",
    ),
    key(
        "gateway.keep_arrivals",
        Kind::Flag,
        "true",
        "Whether `okr.arrivals` keeps deliveries that became events or are nothing for us; held ones it always keeps.",
    ),
    key(
        "gateway.duplicate_window",
        Kind::Span,
        "\"1h\"",
        "For how long a repeated delivery is recognised in memory and not produced again.",
    ),
    key("gateway.duplicate_entries_max", Kind::Integer, "28000", "Deliveries in the duplicate window."),
    key("gateway.duplicate_bytes_max", Kind::Bytes, "\"32MiB\"", "Memory for the duplicate window."),
    key("gateway.connections_max", Kind::Integer, "4096", "Open connections; more are answered 503."),
    key("gateway.headers_max", Kind::Integer, "100", "Headers of a request; more are answered 431."),
    key(
        "gateway.headers_bytes_max",
        Kind::Bytes,
        "\"32KiB\"",
        "Bytes of all header names and values of a request; more are answered 431.",
    ),
    key(
        "gateway.batch_items_max",
        Kind::Integer,
        "1000",
        "Items of a batch (`POST /in/{source}/batch`); more are answered 413.",
    ),
    key(
        "gateway.in_flight_bytes_max",
        Kind::Bytes,
        "\"16MiB\"",
        "Bytes of all bodies that are being read or on their way to Kafka, inflated ones included; more are answered 503. Bodies of which a part is missing have half of it. The gateway needs about four times as much memory for them.",
    ),
    key(
        "gateway.trusted_proxies",
        Kind::TextList,
        "[]",
        "Networks such as `10.0.0.0/8` of proxies in front: from them, `Forwarded` and `X-Forwarded-For` say who the client is, for logs and spans, and for the share of one client in unfinished bodies.",
    ),
    key("departments.partitions", Kind::Integer, "24", "Partitions of `okr.events`."),
    Key {
        path: "departments.*.partitions",
        kind: Kind::Text,
        default: None,
        doc: "The department's own partitions, such as `0-5,24-25`; append to it to let it grow. `others`, left out, \
              has those that nobody names.",
    },
    key(
        "departments.*.aliases",
        Kind::TextList,
        "[]",
        "Other names of the department; case and surrounding blanks do not matter.",
    ),
];

#[cfg(test)]
mod tests;
