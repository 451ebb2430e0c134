//! What is wrong only together: each key by itself has passed already.

use std::time::Duration;

use super::{KafkaConfig, SecurityConfig, Shared, StoreConfig};
use crate::{Document, Finding};

/// A shorter session would end while a loaded machine looks the other way.
const SESSION_MIN: Duration = Duration::from_secs(1);

/// Everything wrong with the shared sections, with its place.
pub(super) fn findings(shared: &Shared, document: &Document) -> Vec<Finding> {
    let wrong = kafka(&shared.kafka).into_iter().chain(shared.kafka.security.iter().flat_map(security));
    let wrong = wrong.chain(shared.traces.wrong()).chain(store(&shared.store));
    let finding = |(path, what): (&str, &str)| {
        let place =
            if document.has(path) { path } else { path.rsplit_once('.').map_or(path, |(table, _)| table) };
        Finding { at: document.at(place), message: format!("`{path}` {what}") }
    };
    wrong.map(finding).collect()
}

type Wrong = (&'static str, &'static str);

fn kafka(kafka: &KafkaConfig) -> Vec<Wrong> {
    let rules = [
        (kafka.brokers.is_empty(), "kafka.brokers", "must name at least one broker"),
        (kafka.replication < 1, "kafka.replication", "must be at least 1"),
        (kafka.partitions < 1, "kafka.partitions", "must be at least 1"),
        (
            kafka.session_timeout.0 < SESSION_MIN,
            "kafka.session_timeout",
            "must be at least 1s: heartbeats come three to a session",
        ),
        (kafka.min_insync_replicas < 1, "kafka.min_insync_replicas", "must be at least 1"),
        (
            kafka.min_insync_replicas > kafka.replication,
            "kafka.min_insync_replicas",
            "must not be above `replication`: nothing could ever be acknowledged",
        ),
    ];
    broken(rules)
}

fn security(security: &SecurityConfig) -> Vec<Wrong> {
    let sasl = security.protocol.starts_with("sasl_");
    let oauth = security.mechanism.as_deref() == Some("OAUTHBEARER");
    let tls = matches!(security.protocol.as_str(), "ssl" | "sasl_ssl");
    let certificates = security.ca_file.is_some() || security.cert_file.is_some();
    let needed = "is needed by this `protocol`";
    let pair = "is missing: `cert_file` and `key_file` go together";
    let rules = [
        (sasl && security.mechanism.is_none(), "kafka.security.mechanism", needed),
        (sasl && !oauth && security.username.is_none(), "kafka.security.username", needed),
        (sasl && !oauth && security.password.is_none(), "kafka.security.password", needed),
        (
            sasl && oauth && security.oauth.is_none(),
            "kafka.security.oauth",
            "is needed by OAUTHBEARER: `token_url`, `client_id`, `client_secret`",
        ),
        (!sasl && security.mechanism.is_some(), "kafka.security.mechanism", "is for the `sasl_` protocols"),
        (
            !tls && certificates,
            "kafka.security.protocol",
            "does not encrypt: certificates are for ssl and sasl_ssl",
        ),
        (security.cert_file.is_some() && security.key_file.is_none(), "kafka.security.key_file", pair),
        (security.key_file.is_some() && security.cert_file.is_none(), "kafka.security.cert_file", pair),
    ];
    broken(rules)
}

fn store(store: &StoreConfig) -> Vec<Wrong> {
    let orphaned = !store.seal_old.is_empty() && store.seal.is_none();
    broken([(orphaned, "store.seal_old", "has no `seal` beside it, which is the present key")])
}

fn broken<const N: usize>(rules: [(bool, &'static str, &'static str); N]) -> Vec<Wrong> {
    rules.into_iter().filter(|(broken, ..)| *broken).map(|(_, path, what)| (path, what)).collect()
}
