//! librdkafka's own words, into tracing under the target `rdkafka`.

use rdkafka::{client::ClientContext, config::RDKafkaLogLevel, error::KafkaError};

/// Passes one line on. What librdkafka takes for an error is often a broker that restarts: none is above `warn`,
/// for whoever is affected reports it.
pub(crate) fn line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        // Says that a consumer's property means nothing to a producer, which is set for both on purpose.
        _ if facility == "CONFWARN" => {
            tracing::debug!(target: "rdkafka", { rdkafka.facility = facility }, "{message}");
        }
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => {
            tracing::warn!(target: "rdkafka", { rdkafka.facility = facility }, "{message}");
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "rdkafka", { rdkafka.facility = facility }, "{message}");
        }
        RDKafkaLogLevel::Debug => {
            tracing::debug!(target: "rdkafka", { rdkafka.facility = facility }, "{message}");
        }
    }
}

/// A global error of a client: mostly a broker that went away, which librdkafka heals by itself.
pub(crate) fn trouble(error: &KafkaError, reason: &str) {
    tracing::debug!(target: "rdkafka", error = %error, "{reason}");
}

/// The context of clients that only ask: admin, reachability.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        trouble(&error, reason);
    }

    fn stats_raw(&self, _: &[u8]) {}
}

impl rdkafka::consumer::ConsumerContext for Quiet {}
