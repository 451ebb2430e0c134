//! A value that a sender may use once, beside its signature. Whoever reads it keeps what was used: nothing here does.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use super::{header, plan::TOLERANCE_MS, signed::Signed};
use crate::{Refusal, SourceConfig, SourceError};

/// Where the value stands, and for how long it must be remembered.
#[derive(Debug)]
pub(crate) struct Nonce {
    header: HeaderName,
    age: Duration,
}

impl Nonce {
    /// That of a section which was checked.
    pub(crate) fn read(config: &SourceConfig) -> Option<Self> {
        let verify = config.verify.as_ref()?;
        let header = verify.nonce.as_ref()?.header.parse().ok()?;
        let usual = Duration::from_millis(TOLERANCE_MS.unsigned_abs());
        // Signed as far ahead of our clock as may be, a request passes for twice that.
        let age = verify.tolerance.map_or(usual, |span| span.0).saturating_mul(2);
        Some(Self { header, age })
    }

    pub(crate) fn of<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, Refusal> {
        Some(header::one(headers, &self.header)?).filter(|value| !value.is_empty()).ok_or(Refusal::Missing)
    }

    pub(crate) fn header(&self) -> &HeaderName {
        &self.header
    }

    pub(crate) fn age(&self) -> Duration {
        self.age
    }
}

/// What makes a nonce of this section worth less than it looks. `path` is the source's, such as `sources.acme`.
pub(crate) fn doubts(path: &str, config: &SourceConfig) -> Vec<SourceError> {
    let Some((verify, nonce)) =
        config.verify.as_ref().and_then(|verify| Some((verify, verify.nonce.as_ref()?)))
    else {
        return Vec::new();
    };
    let at = |problem: String| SourceError::new(format!("{path}.verify.nonce"), problem);
    let template = verify.signed.as_deref().and_then(|template| Signed::compile(template).ok());
    let covered = template
        .is_some_and(|signed| signed.headers().any(|name| name.as_str().eq_ignore_ascii_case(&nonce.header)));
    let mut doubts = Vec::new();
    if !covered {
        let header = &nonce.header;
        doubts.push(at(format!(
            "is not under the signature, so whoever sends a recorded request again just gives it another `{header}`: have \
             the sender sign it, and say so in `signed`, such as \"{{{{ headers['{header}'] }}}}.{{{{ body }}}}\""
        )));
    }
    match verify.scheme.as_str() {
        "stripe" => {}
        // A token says until when it is good, but that is the issuer's choice, and often an hour.
        "jwt" => doubts.push(at("is forgotten after twice the `tolerance`, and a token may be good for longer: then the \
                                 same request passes again. Have the issuer's tokens live no longer than `tolerance`"
            .to_owned())),
        _ if verify.timestamp.is_none() => {
            doubts.push(at("has no `timestamp` beside it: a used value is forgotten after twice the `tolerance`, and then \
                            the same request passes again"
                .to_owned()));
        }
        _ => {}
    }
    doubts
}
