//! Errors, cut by what the caller can do.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::logs::Cause;

/// Why a record was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nothing was sent: the local queue holds as many bytes as it may. Try again later.
    #[error("record was not queued: the queue is full")]
    QueueFull,
    /// The record is possibly in the log: it timed out, its report had no offset, or the producer went away. Send it
    /// again with the same ids.
    #[error("record was not acknowledged: {0}")]
    Unacknowledged(String),
    /// The record is larger than the producer or the topic takes. It can never succeed.
    #[error("record is too large for its topic")]
    TooLarge,
    /// The cluster refuses it until somebody acts: no such topic or partition, not authorised.
    #[error("record was refused: {0}")]
    Refused(String),
    /// The producer was closed before.
    #[error("record was not queued: the producer is closed")]
    Closed,
}

impl SendError {
    /// A stable label for metrics and dead letters; it never carries data.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Unacknowledged(_) => "unacknowledged",
            Self::TooLarge => "too_large",
            Self::Refused(_) => "refused",
            Self::Closed => "closed",
        }
    }

    /// Whether the same record may succeed later with nobody doing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::QueueFull | Self::Unacknowledged(_))
    }

    pub(crate) fn from_kafka(error: &KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(Code::QueueFull) => Self::QueueFull,
            Some(Code::MessageSizeTooLarge | Code::MessageBatchTooLarge) => Self::TooLarge,
            Some(code) if refuses(code) => Self::Refused(code.to_string()),
            Some(code) => Self::Unacknowledged(code.to_string()),
            None => Self::Refused(error.to_string()),
        }
    }
}

fn refuses(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::InvalidTopic
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::PolicyViolation
            | Code::InvalidRecord
            | Code::InvalidArgument
    )
}

/// Whether an error of a topic's metadata says that there is no such topic.
pub(crate) fn is_missing(code: Code) -> bool {
    matches!(code, Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::InvalidTopic)
}

/// Why something other than sending did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// A setting that librdkafka does not take; a person must change it.
    #[error("Kafka client was not created: {0}")]
    Settings(String),
    /// No broker answered in time, or the cluster is not ready. It may pass.
    #[error("Kafka did not answer: {0}")]
    Unavailable(String),
    /// These topics do not exist; `okr-router topics apply` creates them.
    #[error("topics do not exist: {}", .0.join(", "))]
    MissingTopics(Vec<String>),
    /// The cluster refuses; a person must act.
    #[error("Kafka refused: {0}")]
    Refused(String),
    /// The broker does not let us in: wrong user, password or token. A person must act.
    #[error("Kafka does not take our login: {0}")]
    Login(String),
    /// We and the broker do not trust each other, or do not speak TLS both. A person must act.
    #[error("no TLS with Kafka: {0}")]
    Tls(String),
    /// The client was closed.
    #[error("the Kafka client is closed")]
    Closed,
}

impl BusError {
    /// A stable label for metrics and readiness.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Settings(_) => "settings",
            Self::Unavailable(_) => "unavailable",
            Self::MissingTopics(_) => "missing_topics",
            Self::Refused(_) => "refused",
            Self::Login(_) => "login",
            Self::Tls(_) => "tls",
            Self::Closed => "closed",
        }
    }

    /// Whether the same call may succeed later with nobody doing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(crate) fn from_kafka(error: &KafkaError) -> Self {
        let why = match error.rdkafka_error_code() {
            Some(code) => code.to_string(),
            None => error.to_string(),
        };
        match error {
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => Self::Settings(error.to_string()),
            _ => Self::from_code(error.rdkafka_error_code(), why),
        }
    }

    /// With what stands in the way, where the question itself only ran out of time.
    pub(crate) fn because(self, cause: Option<Cause>) -> Self {
        match (self, cause) {
            (Self::Unavailable(_), Some(Cause { code: Code::Authentication, why })) => Self::Login(why),
            (Self::Unavailable(_), Some(Cause { code: Code::SSL, why })) => Self::Tls(why),
            (Self::Unavailable(_), Some(Cause { why, .. })) => Self::Unavailable(why),
            (error, _) => error,
        }
    }

    pub(crate) fn from_code(code: Option<Code>, why: String) -> Self {
        match code {
            Some(Code::SaslAuthenticationFailed | Code::Authentication) => Self::Login(why),
            Some(Code::SSL) => Self::Tls(why),
            Some(
                Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::InvalidReplicationFactor
                | Code::InvalidConfig
                | Code::InvalidPartitions
                | Code::InvalidRequest
                | Code::InvalidTopic
                | Code::PolicyViolation
                | Code::UnsupportedVersion
                | Code::UnsupportedFeature,
            ) => Self::Refused(why),
            _ => Self::Unavailable(why),
        }
    }
}

#[cfg(test)]
mod tests;
