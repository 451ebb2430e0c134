//! What the registry refuses, with Confluent's codes.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// The media type of every answer.
pub(super) const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// A refusal. Texts follow Confluent's, which some clients show to people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RegistryError {
    #[error("Subject '{0}' not found.")]
    NoSubject(String),
    #[error("Version {0} not found.")]
    NoVersion(u32),
    #[error("Schema {0} not found")]
    NoId(u32),
    #[error("Schema not found")]
    NoSchema,
    #[error("Subject '{0}' was soft deleted. Set permanent=true to delete permanently")]
    SubjectDeleted(String),
    #[error("Subject '{0}' was not deleted first before being permanently deleted")]
    SubjectNotDeleted(String),
    #[error("Subject '{0}' Version {1} was soft deleted. Set permanent=true to delete permanently")]
    VersionDeleted(String, u32),
    #[error("Subject '{0}' Version {1} was not deleted first before being permanently deleted")]
    VersionNotDeleted(String, u32),
    #[error("Subject '{0}' does not have subject-level compatibility configured")]
    NoLevel(String),
    #[error(
        "Schema being registered is incompatible with an earlier schema for subject \"{0}\", details: {1:?}"
    )]
    Incompatible(String, Vec<String>),
    #[error("Invalid schema: {0}")]
    Schema(String),
    #[error(
        "The specified version '{0}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""
    )]
    Version(String),
    #[error(
        "Invalid compatibility level '{0}'. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive"
    )]
    Level(String),
    #[error("The request is not what this call takes: {0}")]
    Request(String),
    #[error("Error in the backend data store: {0}")]
    Store(String),
}

impl RegistryError {
    /// The HTTP status and Confluent's `error_code`.
    pub fn code(&self) -> (StatusCode, u32) {
        use StatusCode as S;
        match self {
            Self::NoSubject(_) => (S::NOT_FOUND, 40401),
            Self::NoVersion(_) => (S::NOT_FOUND, 40402),
            Self::NoId(_) | Self::NoSchema => (S::NOT_FOUND, 40403),
            Self::SubjectDeleted(_) => (S::NOT_FOUND, 40404),
            Self::SubjectNotDeleted(_) => (S::NOT_FOUND, 40405),
            Self::VersionDeleted(..) => (S::NOT_FOUND, 40406),
            Self::VersionNotDeleted(..) => (S::NOT_FOUND, 40407),
            Self::NoLevel(_) => (S::NOT_FOUND, 40408),
            Self::Incompatible(..) => (S::CONFLICT, 409),
            Self::Schema(_) => (S::UNPROCESSABLE_ENTITY, 42201),
            Self::Version(_) => (S::UNPROCESSABLE_ENTITY, 42202),
            Self::Level(_) => (S::UNPROCESSABLE_ENTITY, 42203),
            Self::Request(_) => (S::BAD_REQUEST, 400),
            Self::Store(_) => (S::INTERNAL_SERVER_ERROR, 50001),
        }
    }
}

impl IntoResponse for RegistryError {
    fn into_response(self) -> Response {
        let (status, error_code) = self.code();
        let body = serde_json::json!({ "error_code": error_code, "message": self.to_string() });
        (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body.to_string()).into_response()
    }
}
