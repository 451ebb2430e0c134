//! What can go wrong between a value and its bytes, cut by what the caller can do about it.

/// Why a record was not encoded or decoded, or the registry not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are in no Confluent frame. They never will be.
    #[error("value is in no Confluent frame: {0}")]
    Frame(String),
    /// The registry did not know the frame's schema id while the grace lasted.
    #[error("schema id {0} is not known to the registry")]
    UnknownId(u32),
    /// The bytes are not what their schema says. They never will be.
    #[error("value is not Avro of its schema: {0}")]
    Avro(String),
    /// The schema is not one of the record that was asked for, or none that can be used.
    #[error("schema cannot be used: {0}")]
    Schema(String),
    /// The registry did not answer, or not as a registry does. It may pass by itself.
    #[error("schema registry does not answer: {0}")]
    RegistryDown(String),
    /// Our own schema is not registered under this subject. It passes when somebody registers it.
    #[error(
        "schema `{0}` is not registered as this release has it: run `okr-router schemas register --apply`"
    )]
    Unregistered(&'static str),
    /// The registry's URL cannot be used.
    #[error("registry URL cannot be used: {0}")]
    Address(String),
}

impl WireError {
    /// A stable label for metrics and dead letters; it never carries data.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Frame(_) => "frame",
            Self::UnknownId(_) => "unknown_schema_id",
            Self::Avro(_) => "avro",
            Self::Schema(_) => "schema",
            Self::RegistryDown(_) => "registry_down",
            Self::Unregistered(_) => "schema_unregistered",
            Self::Address(_) => "registry_url",
        }
    }

    /// Whether the same call may succeed later without the record or the config being changed.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::RegistryDown(_) | Self::Unregistered(_))
    }

    /// Bytes that their schema does not describe. The library's words may hold whole schemas; only their beginning is
    /// kept.
    pub(crate) fn avro(error: impl std::fmt::Display) -> Self {
        Self::Avro(brief(&error.to_string()))
    }

    /// A schema that cannot be used.
    pub(crate) fn schema(error: impl std::fmt::Display) -> Self {
        Self::Schema(brief(&error.to_string()))
    }
}

/// The first line of a text, two hundred characters of it at most.
pub(crate) fn brief(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
