//! `[sources.NAME]`: one configured sender, as the file says it.

use std::{collections::BTreeMap, path::PathBuf};

use boot::{Rate, SecretRef, Span};
use serde::Deserialize;

/// One sender. `POST /in/NAME` is its door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// One of [`crate::KNOWN_KINDS`].
    pub kind: String,
    /// The tool's own secrets, all of them live: give the new one beside the old one while you exchange them.
    #[serde(default)]
    pub secrets: Vec<SecretRef>,
    /// A verification of one's own, in place of the kind's.
    pub verify: Option<VerifyConfig>,
    /// What the subjects' ids are unique in; the source's name when left out.
    pub namespace: Option<String>,
    /// Deliveries accepted per second; without it there is no limit.
    pub rate_limit: Option<Rate>,
    /// A silence of this length is worth a look; left out, it is learned when the source usually speaks.
    pub silent_after: Option<Span>,
    /// Whether deliveries are refused for now.
    #[serde(default)]
    pub paused: bool,
    /// The department of events that name none.
    pub department: Option<String>,
    /// What the tool means by "the goal": 1 when left out, 100 for a tool that speaks in percent.
    pub progress_scale: Option<f64>,
    /// Kind `generic`: an expression, `body-hash` or `none`.
    pub identity: Option<String>,
    /// Kind `generic`: the list in the body that gives one event per item.
    pub each: Option<String>,
    /// Kind `generic`: which bodies, or items, are events; the others are nothing for us.
    pub when: Option<String>,
    /// Kind `generic`: an expression per field of the event.
    pub event: Option<BTreeMap<String, Mapped>>,
}

/// What a field of the event is made of.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Mapped {
    /// `progress = "item.value / item.goal"`
    Expression(String),
    /// `owner.name = "item.owner"`
    Table(BTreeMap<String, String>),
}

/// How a body proves where it comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyConfig {
    /// `hmac-sha1`, `hmac-sha256`, `hmac-sha512`, `bearer`, `basic`, `jwt`, `none`, or ready-made: `stripe`, `shopify`.
    pub scheme: String,
    /// The header that holds the signature or the token.
    pub header: Option<String>,
    /// `hex` (default), `base64` or `base64url`: how the signature is written.
    pub encoding: Option<String>,
    /// What stands before the signature, such as `sha256=`.
    pub prefix: Option<String>,
    /// What stands between several signatures in one header, such as `,`.
    pub separator: Option<String>,
    /// `raw` (default) or `base64`: how the secret becomes a key.
    pub key: Option<String>,
    /// The header, or the field of the body, that says when it was signed.
    pub timestamp: Option<TimestampConfig>,
    /// What is signed, over the raw bytes; `{{ body }}`, or `{{ timestamp }}.{{ body }}` when there is a timestamp.
    pub signed: Option<String>,
    /// How far the timestamp may lie in the past or the future; `5m` when left out.
    pub tolerance: Option<Span>,
    /// A value that may be used once.
    pub nonce: Option<NonceConfig>,
    /// `jwt`: the keys that sign tokens.
    pub jwks: Option<JwksConfig>,
    /// `jwt`: who must have issued the token, exactly as its `iss` says it.
    pub issuer: Option<String>,
    /// `jwt`: whom the token must be meant for, one of its `aud`.
    pub audience: Option<String>,
    /// All of them live. For `basic` each is `user:password`.
    #[serde(default)]
    pub secrets: Vec<SecretRef>,
}

impl VerifyConfig {
    /// Trusts everybody: for looking at a mapping without its secrets.
    #[must_use]
    pub fn none() -> Self {
        Self { scheme: "none".to_owned(), ..Self::default() }
    }
}

/// Where the time of signing stands.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampConfig {
    /// The header's name.
    pub header: Option<String>,
    /// Or the path of a field of the JSON body, such as `meta.sent_at`.
    pub field: Option<String>,
    /// `s` (default) or `ms` since 1970, or `rfc3339`.
    pub unit: Option<String>,
}

/// Where the keys of tokens come from: one of the two.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwksConfig {
    /// A file with a JSON Web Key Set, read at the start.
    pub file: Option<PathBuf>,
    /// An address that answers with one; the caller fetches it and passes it in.
    pub url: Option<String>,
}

/// Where the value that may be used once stands.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NonceConfig {
    /// The header's name.
    pub header: String,
}
