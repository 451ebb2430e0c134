//! The sections that more than one role reads: `[kafka] [registry] [store] [admin] [log] [traces]` and the top level.

mod checks;
mod keys;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

pub use self::keys::KEYS;
use crate::trace::TracesConfig;
use crate::{Bytes, ConfigErrors, Document, SecretRef, Span};

/// Everything shared at once, see [`Shared::read`].
#[derive(Debug, Clone, Deserialize)]
pub struct Shared {
    /// Folder for what the process keeps on disk.
    #[serde(default = "Shared::data_dir")]
    pub data_dir: PathBuf,
    /// How long a role may take to finish what is in flight once it was asked to stop.
    #[serde(default = "Shared::shutdown_grace")]
    pub shutdown_grace: Span,
    /// `[kafka]`
    #[serde(default)]
    pub kafka: KafkaConfig,
    /// `[registry]`
    #[serde(default)]
    pub registry: RegistryConfig,
    /// `[store]`
    #[serde(default)]
    pub store: StoreConfig,
    /// `[admin]`
    #[serde(default)]
    pub admin: AdminConfig,
    /// `[log]`
    #[serde(default)]
    pub log: LogConfig,
    /// `[traces]`
    #[serde(default)]
    pub traces: TracesConfig,
}

impl Shared {
    /// Reads these sections and checks what only shows when several keys are seen together.
    pub fn read(document: &Document) -> Result<Self, ConfigErrors> {
        let shared: Self = document.section("")?;
        let findings = checks::findings(&shared, document);
        if findings.is_empty() { Ok(shared) } else { Err(ConfigErrors(findings)) }
    }

    fn data_dir() -> PathBuf {
        PathBuf::from("okr-router-data")
    }

    fn shutdown_grace() -> Span {
        Span::seconds(20)
    }

    /// Where state is kept: `[store] url`, or the embedded file in the data folder.
    pub fn store_url(&self) -> SecretRef {
        let embedded = || SecretRef::Literal(format!("file:{}", self.data_dir.join("state.db").display()));
        self.store.url.clone().unwrap_or_else(embedded)
    }
}

/// `[kafka]`: the cluster, and how this process talks to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// Addresses to begin with, `host:port`; never empty.
    pub brokers: Vec<String>,
    /// Copies of each partition of a topic that we create.
    pub replication: i32,
    /// Copies that must have a record before it is acknowledged.
    pub min_insync_replicas: i32,
    /// Partitions of each topic other than okr.events.
    pub partitions: i32,
    /// How to log in; none for a plain connection.
    pub security: Option<SecurityConfig>,
    /// How long a broker may hold a fetch that finds nothing new.
    pub fetch_wait: Span,
    /// How long a group waits for a silent member.
    pub session_timeout: Span,
    /// How long a member may go without asking for records.
    pub poll_interval_max: Span,
    /// Memory for records that were fetched but not yet taken over.
    pub fetch_queue: Bytes,
    /// Memory for records that were sent but not yet acknowledged.
    pub produce_queue: Bytes,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: vec!["127.0.0.1:9092".to_owned()],
            replication: 3,
            min_insync_replicas: 2,
            partitions: 6,
            security: None,
            fetch_wait: Span::millis(500),
            session_timeout: Span::seconds(10),
            poll_interval_max: Span::seconds(300),
            fetch_queue: Bytes(16 << 20),
            produce_queue: Bytes(32 << 20),
        }
    }
}

/// `[kafka] security`: encryption and login.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityConfig {
    /// `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`.
    pub protocol: String,
    /// `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`; needed by the `sasl_` protocols.
    pub mechanism: Option<String>,
    /// User name for SASL.
    pub username: Option<String>,
    /// Password for SASL.
    pub password: Option<SecretRef>,
    /// Certificates of the authorities to trust (PEM); the system's if left out.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate (PEM), for brokers that ask for one.
    pub cert_file: Option<PathBuf>,
    /// The key of our own certificate (PEM).
    pub key_file: Option<PathBuf>,
    /// What that key is encrypted with.
    pub key_password: Option<SecretRef>,
    /// Where OAUTHBEARER gets its tokens.
    pub oauth: Option<OauthConfig>,
}

/// `[kafka.security.oauth]`: the client credentials grant of OAuth 2.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthConfig {
    /// The token endpoint.
    pub token_url: String,
    /// Who we are there.
    pub client_id: String,
    /// What proves it.
    pub client_secret: SecretRef,
    /// What is asked for, if the endpoint wants to be told.
    pub scope: Option<String>,
}

/// `[registry]`: the schema registry (Confluent's API).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// Its address.
    pub url: SecretRef,
    /// How long an id that the registry does not know is asked for again before its record is given up.
    pub unknown_id_grace: Span,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self { url: SecretRef::from("http://127.0.0.1:8081"), unknown_id_grace: Span::seconds(10) }
    }
}

/// `[store]`: where services keep state.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `file:PATH` or `postgres://user@host/db`; see [`Shared::store_url`] for when it is left out.
    pub url: Option<SecretRef>,
    /// The key that seals learned secrets.
    pub seal: Option<SecretRef>,
    /// The keys before it: they open what they sealed, which is sealed anew with the present one.
    pub seal_old: Vec<SecretRef>,
}

/// `[admin]`: probes and metrics.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Where to serve them; each role has its own default.
    pub listen: Option<SocketAddr>,
}

/// `[log]`: what is logged, and how it looks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// For people or for programs.
    pub format: LogFormat,
    /// `level` or `target=level`, comma-separated, as tracing's EnvFilter reads it; `None` is `info`.
    pub filter: Option<String>,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One compact line for people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests;
