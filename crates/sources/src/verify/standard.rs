//! Standard Webhooks, version 1: HMAC-SHA256 over `{id}.{timestamp}.{body}`, with the headers `webhook-*` or, under
//! their older names, `svix-*`. Signatures of other versions (`v1a`) are passed over.

use base64::Engine;
use boot::Secret;
use http::HeaderMap;
use jiff::Timestamp;

use super::{
    fresh, header,
    mac::{self, Algorithm, BASE64, Encoding, Mac, Tag},
    plan::TOLERANCE_MS,
    signature::CLAIMS_MAX,
};
use crate::{Refusal, Request, SourceError};

/// The three headers of a family; the first whose id is there is the one that counts.
struct Names {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

const WEBHOOK: Names =
    Names { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" };
const SVIX: Names = Names { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" };

fn names(headers: &HeaderMap) -> &'static Names {
    if headers.contains_key(WEBHOOK.id) || !headers.contains_key(SVIX.id) { &WEBHOOK } else { &SVIX }
}

/// The delivery's id: of the same family of headers that the signature covers.
pub(crate) fn id(headers: &HeaderMap) -> Option<&str> {
    header::optional(headers, names(headers).id).ok().flatten().filter(|id| !id.is_empty())
}

#[derive(Debug)]
pub(crate) struct Standard {
    keys: Vec<Mac>,
}

impl Standard {
    pub(super) fn new(
        secrets: &[Secret],
        at: impl Fn(usize, String) -> SourceError,
    ) -> Result<Self, SourceError> {
        let mut keys = Vec::with_capacity(secrets.len());
        for (nth, secret) in secrets.iter().enumerate() {
            let word = secret.expose().trim();
            if word.starts_with("whsk_") || word.starts_with("whpk_") {
                return Err(at(
                    nth,
                    "is an Ed25519 key, which is not built yet; use a `whsec_` secret".to_owned(),
                ));
            }
            let key = BASE64.decode(word.strip_prefix("whsec_").unwrap_or(word)).ok();
            let key = key.filter(|key| !key.is_empty()).and_then(|key| Mac::new(Algorithm::Sha256, &key));
            keys.push(key.ok_or_else(|| at(nth, "is not `whsec_` followed by base64".to_owned()))?);
        }
        Ok(Self { keys })
    }

    pub(super) fn verify(&self, request: &Request<'_>) -> Result<(), Refusal> {
        let names = names(request.headers);
        let read = |name| header::optional(request.headers, name)?.ok_or(Refusal::Missing);
        let (id, signed_at, written) = (read(names.id)?, read(names.timestamp)?, read(names.signature)?);
        if id.is_empty() {
            return Err(Refusal::Malformed);
        }
        fresh(header::count(signed_at)?.saturating_mul(1000), request.now, TOLERANCE_MS)?;
        let claims: Vec<Tag> = written
            .split_ascii_whitespace()
            .take(CLAIMS_MAX)
            .filter_map(|claim| Tag::read(claim.strip_prefix("v1,")?, Encoding::Base64))
            .collect();
        if claims.is_empty() {
            return Err(Refusal::Malformed);
        }
        let tags = self.keys.iter().map(|key| tag(key, id, signed_at, request.body));
        if mac::any(tags, &claims) { Ok(()) } else { Err(Refusal::Mismatch) }
    }

    pub(super) fn sign(&self, id: &str, body: &[u8], now: Timestamp) -> Vec<(String, String)> {
        let Some(key) = self.keys.first() else { return Vec::new() };
        let signed_at = now.as_second().to_string();
        let written = tag(key, id, &signed_at, body).write(Encoding::Base64);
        vec![
            (WEBHOOK.id.to_owned(), id.to_owned()),
            (WEBHOOK.timestamp.to_owned(), signed_at),
            (WEBHOOK.signature.to_owned(), format!("v1,{written}")),
        ]
    }
}

fn tag(key: &Mac, id: &str, signed_at: &str, body: &[u8]) -> Tag {
    let mut mac = key.clone();
    for part in [id.as_bytes(), b".", signed_at.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac.finish()
}
