//! What a source brings besides a signature: secrets of its own, and values that it may use once.

use std::time::Duration;

use boot::Secret;

use super::Source;
use crate::{
    Learned, Offer, Refusal, SourceConfig, SourceError,
    catalog::Voice,
    verify::{self, Nonce},
};

impl Source {
    /// What a section that is in order promises less than it seems to; for a person to read.
    #[must_use]
    pub fn doubts(name: &str, config: &SourceConfig) -> Vec<SourceError> {
        verify::doubts(&format!("sources.{name}"), config)
    }

    /// Whether a section is of a source that brings its secrets itself.
    #[must_use]
    pub fn learns_by(config: &SourceConfig) -> bool {
        let voice = Voice::open("sources", config);
        config.verify.is_none() && voice.is_ok_and(|voice| voice.dialect().brings_secrets())
    }

    /// Whether a section is of a source that brings its secrets itself, and has none configured: it needs a place where
    /// they are kept.
    #[must_use]
    pub fn must_learn(config: &SourceConfig) -> bool {
        config.secrets.is_empty() && Self::learns_by(config)
    }

    /// Whether it may bring secrets of its own: see [`Source::offer`].
    #[must_use]
    pub fn learns(&self) -> bool {
        self.learns
    }

    /// Whether it has no secret but those that it brings.
    #[must_use]
    pub fn lacks_secrets(&self) -> bool {
        self.learns && !self.verifier.has_keys()
    }

    /// The handshake that brings a secret, in exactly the shape that this kind documents; asked before a request is
    /// verified. Nobody has proven anything: whoever takes it knows that a person waits for it.
    #[must_use]
    pub fn offer(&self, method: &http::Method, headers: &http::HeaderMap, body: &[u8]) -> Option<Offer> {
        if !self.learns {
            return None;
        }
        self.voice.dialect().offer(method, headers, body)
    }

    /// Secrets that it brought, for [`Source::verify_with`].
    #[must_use]
    pub fn learned(&self, secrets: &[Secret]) -> Learned {
        Learned::macs(self.verifier.keys_of(secrets))
    }

    /// The value that may be used once, where the source is to bring one; asked once a request is proven.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn nonce<'a>(&self, headers: &'a http::HeaderMap) -> Result<Option<&'a str>, Refusal> {
        self.nonce.as_ref().map(|nonce| nonce.of(headers)).transpose()
    }

    /// How long a used value must be remembered; `None` where the source brings none. After that its request is too old
    /// to be proven, if it says when it was signed.
    #[must_use]
    pub fn nonce_age(&self) -> Option<Duration> {
        self.nonce.as_ref().map(Nonce::age)
    }
}
