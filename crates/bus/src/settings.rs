//! How clients reach the cluster, and what it becomes in librdkafka's words.

mod keys;

use std::{fmt, path::PathBuf, time::Duration};

pub(crate) use keys::{base, consumer, producer, unique};

/// What every client is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `host:port` of some brokers; the rest is learned from them.
    pub brokers: Vec<String>,
    /// How the broker names us in its logs. Consumers and readers add something unique.
    pub client_id: String,
    /// None is plain text without a login.
    pub security: Option<Security>,
    /// How long the broker may hold an empty fetch; longer is quieter when idle and costs no latency.
    pub fetch_wait: Duration,
    /// How long a group waits for a member that is silent before it gives its partitions to others. Brokers have
    /// limits of their own, at least 6 s if nobody changed them.
    pub session_timeout: Duration,
    /// How long a member may go without asking for records before it leaves its group.
    pub poll_interval_max: Duration,
    /// Bytes of records that a consumer may hold before they are taken.
    pub fetch_queue_bytes: u64,
    /// Bytes of records that a producer may hold before it says `QueueFull`.
    pub produce_queue_bytes: u64,
    /// How long a record waits for company: 0 where somebody waits for the answer.
    pub linger: Duration,
}

impl Settings {
    /// Plain settings for these brokers: fetch wait 500 ms, session 10 s, poll interval 5 minutes, 16 MiB to fetch,
    /// 64 MiB to produce, no linger.
    pub fn new(brokers: Vec<String>, client_id: impl Into<String>) -> Self {
        Self {
            brokers,
            client_id: client_id.into(),
            security: None,
            fetch_wait: Duration::from_millis(500),
            session_timeout: Duration::from_secs(10),
            poll_interval_max: Duration::from_secs(300),
            fetch_queue_bytes: 16 << 20,
            produce_queue_bytes: 64 << 20,
            linger: Duration::ZERO,
        }
    }
}

/// How a connection is secured and who we are.
#[derive(Clone, PartialEq, Eq)]
pub struct Security {
    /// With or without TLS, with or without a login.
    pub protocol: Protocol,
    /// Needed by the SASL protocols, ignored by others.
    pub mechanism: Option<Mechanism>,
    /// The SASL user.
    pub username: Option<String>,
    /// The SASL password; never printed.
    pub password: Option<String>,
    /// The CA certificates (PEM) to trust in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate (PEM), for mutual TLS.
    pub certificate_file: Option<PathBuf>,
    /// Our private key (PEM), for mutual TLS.
    pub key_file: Option<PathBuf>,
    /// What the private key is encrypted with; never printed.
    pub key_password: Option<String>,
}

impl Security {
    /// That protocol and nothing else.
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            mechanism: None,
            username: None,
            password: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            key_password: None,
        }
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Security")
            .field("protocol", &self.protocol)
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("ca_file", &self.ca_file)
            .field("certificate_file", &self.certificate_file)
            .field("key_file", &self.key_file)
            .field("key_password", &self.key_password.as_ref().map(|_| "…"))
            .finish()
    }
}

/// Transport and login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `plaintext`.
    Plaintext,
    /// `ssl`.
    Ssl,
    /// `sasl_plaintext`.
    SaslPlaintext,
    /// `sasl_ssl`.
    SaslSsl,
}

impl Protocol {
    /// Reads `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl]
            .into_iter()
            .find(|protocol| protocol.name().eq_ignore_ascii_case(text))
    }

    /// The name as librdkafka and our configuration spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    fn logs_in(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// How a SASL login proves who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// `PLAIN`.
    Plain,
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `SCRAM-SHA-512`.
    ScramSha512,
}

impl Mechanism {
    /// Reads `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Plain, Self::ScramSha256, Self::ScramSha512]
            .into_iter()
            .find(|mechanism| mechanism.name().eq_ignore_ascii_case(text))
    }

    /// The name as Kafka spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

#[cfg(test)]
mod tests;
