//! Proves that a body comes from who holds the secret, over the raw bytes, in constant time.
//!
//! Every live secret is tried against every signature that the request brings, always all of them, so that the time
//! taken tells nothing about which one was nearly right.

mod header;
mod jwks;
mod jwt;
mod mac;
mod nonce;
mod plan;
mod signature;
mod signed;
pub(crate) mod standard;
mod stripe;
mod token;

use http::HeaderName;
use jiff::Timestamp;

pub(crate) use jwks::KeySet;
pub(crate) use mac::{BASE64, Mac};
pub(crate) use nonce::{Nonce, doubts};

use crate::{Learned, Refusal, Request, Signs, SourceConfig, SourceError, source::resolve};
use plan::Plan;

/// What the tool does by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    pub signs: Signs,
    /// Whether it brings its secrets in a handshake, so that none need be configured.
    pub brings_secrets: bool,
}

/// How a source's bodies are verified, its secrets resolved.
#[derive(Debug)]
pub(crate) enum Verifier {
    /// Anybody may send; the config says so in so many words.
    Anybody,
    Standard(standard::Standard),
    Signature(Box<signature::Signature>),
    Stripe(stripe::Stripe),
    Token(token::Token),
    Jwt(jwt::Jwt),
}

impl Verifier {
    /// Checks everything that can be checked without a secret. `path` is the source's, such as `sources.acme`.
    pub(crate) fn check(path: &str, config: &SourceConfig, tool: Tool) -> Result<(), SourceError> {
        Plan::read(path, config, tool).map(|_| ())
    }

    /// Resolves the secrets and prepares their keys.
    pub(crate) fn build(path: &str, config: &SourceConfig, tool: Tool) -> Result<Self, SourceError> {
        let plan = Plan::read(path, config, tool)?;
        let (secrets_path, secrets) = plan::secrets(path, config);
        let secrets = if matches!(plan, Plan::Anybody | Plan::Jwt(_)) {
            Vec::new()
        } else {
            resolve(&secrets_path, secrets)?
        };
        let at = |nth: usize, problem: String| SourceError::new(format!("{secrets_path}[{nth}]"), problem);
        Ok(match plan {
            Plan::Anybody => Self::Anybody,
            Plan::Standard => Self::Standard(standard::Standard::new(&secrets, at)?),
            Plan::Signature(plan) => {
                Self::Signature(Box::new(signature::Signature::new(plan, &secrets, at)?))
            }
            Plan::Stripe(plan) => Self::Stripe(stripe::Stripe::new(plan, &secrets)),
            Plan::Token(plan) => Self::Token(token::Token::new(plan, &secrets, at)?),
            Plan::Jwt(plan) => {
                let at = |problem| SourceError::new(format!("{path}.verify.jwks"), problem);
                Self::Jwt(jwt::Jwt::new(plan, at)?)
            }
        })
    }

    /// Every way out that is not `Ok` is answered alike.
    pub(crate) fn verify(&self, request: &Request<'_>, learned: &Learned) -> Result<(), Refusal> {
        match self {
            Self::Anybody => Ok(()),
            Self::Standard(standard) => standard.verify(request),
            Self::Signature(signature) => signature.verify(request, &learned.macs),
            Self::Stripe(stripe) => stripe.verify(request),
            Self::Token(token) => token.verify(request),
            Self::Jwt(jwt) => jwt.verify(request, learned.keys.as_deref()),
        }
    }

    /// Whether a secret is configured that requests are verified with.
    pub(crate) fn has_keys(&self) -> bool {
        !matches!(self, Self::Signature(signature) if signature.is_bare())
    }

    /// The keys of secrets that came after the start; those that make no key are left out.
    pub(crate) fn keys_of(&self, secrets: &[boot::Secret]) -> Vec<Mac> {
        match self {
            Self::Signature(signature) => signature.keys_of(secrets),
            _ => Vec::new(),
        }
    }

    /// Where the keys of tokens are to be fetched.
    pub(crate) fn keys_url(&self) -> Option<&str> {
        match self {
            Self::Jwt(jwt) => jwt.keys_url(),
            _ => None,
        }
    }

    /// The headers that make `body` pass, made with the first secret; `once` is among those that may be signed.
    pub(crate) fn sign(
        &self,
        id: &str,
        body: &[u8],
        now: Timestamp,
        once: Option<(&HeaderName, &str)>,
    ) -> Vec<(String, String)> {
        match self {
            // A token is signed by its issuer alone.
            Self::Anybody | Self::Jwt(_) => Vec::new(),
            Self::Standard(standard) => standard.sign(id, body, now),
            Self::Signature(signature) => signature.sign(body, now, once),
            Self::Stripe(stripe) => stripe.sign(body, now),
            Self::Token(token) => token.sign(),
        }
    }
}

/// Whether a time of signing lies within the tolerance, both ways; both in milliseconds.
fn fresh(signed_at_ms: i64, now: Timestamp, tolerance_ms: i64) -> Result<(), Refusal> {
    let age = now.as_millisecond().saturating_sub(signed_at_ms);
    if age.unsigned_abs() <= tolerance_ms.unsigned_abs() { Ok(()) } else { Err(Refusal::Stale) }
}

#[cfg(test)]
mod tests;
