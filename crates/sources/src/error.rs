//! What can be wrong with a source's configuration, with a signature, and with a body.

/// A source that cannot be built: the start stops, and a person mends the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {problem}")]
pub struct SourceError {
    /// The key at fault, such as `sources.acme.secrets`; look its line up in the document.
    pub path: String,
    /// What is wrong and what to do, without any secret's value.
    pub problem: String,
}

impl SourceError {
    pub(crate) fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }
}

/// Why a request did not prove where it comes from. For our log and metric only: the sender learns nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header that the scheme needs is not there.
    #[error("a header or field that the signature needs is missing")]
    Missing,
    /// A header that may stand there once stands there twice, or disagrees with itself.
    #[error("a header of the signature stands there twice")]
    Ambiguous,
    /// A header that cannot be read: not the encoding or the form that the scheme documents.
    #[error("a header of the signature cannot be read")]
    Malformed,
    /// Signed too long ago, or too far in the future.
    #[error("the time of signing is outside the tolerance")]
    Stale,
    /// The token is signed with a key that is not known, or no longer.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The issuer's keys were never fetched: not the sender's fault, who shall send it again.
    #[error("the issuer's keys are not known yet")]
    NoKeys,
    /// The token proves who sent it, but was made by or for somebody else.
    #[error("the token has another issuer or audience")]
    Claims,
    /// A value that may be used once came with another body before.
    #[error("the nonce was used for another body")]
    Reused,
    /// No signature fits any live secret.
    #[error("no signature fits")]
    Mismatch,
}

impl Refusal {
    /// A stable label for metrics; it never carries data.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ambiguous => "ambiguous",
            Self::Malformed => "malformed",
            Self::Stale => "stale",
            Self::UnknownKey => "unknown_key",
            Self::NoKeys => "no_keys",
            Self::Claims => "claims",
            Self::Reused => "nonce_reused",
            Self::Mismatch => "mismatch",
        }
    }
}

/// Why a verified body did not become events. It is held: mended here or at the tool, then replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untranslatable {
    /// The bytes are no text.
    #[error("body is not UTF-8")]
    NotText,
    /// The text is not JSON, or ends too early.
    #[error("body is not JSON (line {line}, column {column})")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 when the body ended.
        column: usize,
    },
    /// JSON, but not the object that this kind documents.
    #[error("body is not a JSON object")]
    NotObject,
    /// One key stands in one object twice, so nobody knows which one is meant.
    #[error("a key stands twice in `{within}`")]
    Repeated {
        /// The object: `body`, or a field's path.
        within: &'static str,
    },
    /// One event of several in a delivery; nothing of the delivery is taken.
    #[error("item {number}: {fault}")]
    Item {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        fault: Box<Untranslatable>,
    },
    /// A field that is missing, of the wrong type, or out of its range.
    #[error("`{path}` {problem}")]
    Field {
        /// The field as the contract names it, such as `subject.id`; from a closed set.
        path: &'static str,
        /// What is wrong with it, without its value.
        problem: &'static str,
    },
}

impl Untranslatable {
    pub(crate) fn field(path: &'static str, problem: &'static str) -> Self {
        Self::Field { path, problem }
    }

    /// The same as the fault of one item of several, counted from 0.
    pub(crate) fn of_item(self, nth: usize) -> Self {
        Self::Item { number: nth + 1, fault: Box::new(self) }
    }

    /// A stable label for metrics and dead letters: the field's path where a field is at fault. It never carries data.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotText => "not_text",
            Self::NotJson { .. } => "not_json",
            Self::NotObject => "not_object",
            Self::Repeated { .. } => "repeated_key",
            Self::Item { fault, .. } => fault.reason(),
            Self::Field { path, .. } => path,
        }
    }
}
