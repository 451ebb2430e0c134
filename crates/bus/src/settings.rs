//! How clients reach the cluster, and what it becomes in librdkafka's words.

mod keys;
mod security;

use std::time::Duration;

pub(crate) use keys::{base, consumer, producer, unique};
pub use security::{Mechanism, Protocol, Security};

use crate::tokens::Tokens;

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
    /// The tokens that its clients log in with, when they do so by OAUTHBEARER.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        self.security.as_ref()?.tokens.clone()
    }

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

#[cfg(test)]
mod tests;
