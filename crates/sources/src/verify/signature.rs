//! A keyed hash in a header, as the config describes it.

use boot::Secret;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use base64::Engine;

use super::{
    fresh, header,
    mac::{self, BASE64, Mac, Tag},
    plan::{Clock, Place, SignaturePlan, Stamp},
};
use crate::{Refusal, Request, SourceError, json};

/// More signatures than this in one header are not looked at: nobody rotates that many secrets at once.
pub(super) const CLAIMS_MAX: usize = 16;

#[derive(Debug)]
pub(crate) struct Signature {
    plan: SignaturePlan,
    keys: Vec<Mac>,
}

impl Signature {
    pub(super) fn new(
        plan: SignaturePlan,
        secrets: &[Secret],
        at: impl Fn(usize, String) -> SourceError,
    ) -> Result<Self, SourceError> {
        let mut keys = Vec::with_capacity(secrets.len());
        for (nth, secret) in secrets.iter().enumerate() {
            keys.push(key(&plan, secret).map_err(|problem| at(nth, problem.to_owned()))?);
        }
        Ok(Self { plan, keys })
    }

    /// Whether no secret is configured.
    pub(super) fn is_bare(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn keys_of(&self, secrets: &[Secret]) -> Vec<Mac> {
        secrets.iter().filter_map(|secret| key(&self.plan, secret).ok()).collect()
    }

    /// `learned` are further keys.
    pub(super) fn verify(&self, request: &Request<'_>, learned: &[Mac]) -> Result<(), Refusal> {
        let plan = &self.plan;
        let written = header::one(request.headers, &plan.header)?;
        let timestamp = match &plan.timestamp {
            Some(stamp) => {
                let text = stamped(stamp, request)?;
                fresh(header::moment(text, stamp.clock)?, request.now, plan.tolerance_ms)?;
                text
            }
            None => "",
        };
        let claims = self.claims(written);
        if claims.is_empty() {
            return Err(Refusal::Malformed);
        }
        let mut tags = Vec::with_capacity(self.keys.len() + learned.len());
        for key in self.keys.iter().chain(learned) {
            let mut mac = key.clone();
            plan.signed.feed(&mut mac, timestamp, request.headers, request.body)?;
            tags.push(mac.finish());
        }
        if mac::any(tags.into_iter(), &claims) { Ok(()) } else { Err(Refusal::Mismatch) }
    }

    fn claims(&self, written: &str) -> Vec<Tag> {
        let read = |claim: &str| {
            let bare = claim.trim().strip_prefix(self.plan.prefix.as_str())?;
            Tag::read(bare.trim(), self.plan.encoding)
        };
        match &self.plan.separator {
            Some(separator) => written.split(separator.as_str()).take(CLAIMS_MAX).filter_map(read).collect(),
            None => read(written).into_iter().collect(),
        }
    }

    pub(super) fn sign(
        &self,
        body: &[u8],
        now: Timestamp,
        once: Option<(&HeaderName, &str)>,
    ) -> Vec<(String, String)> {
        let plan = &self.plan;
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut timestamp = String::new();
        match &plan.timestamp {
            Some(Stamp { place: Place::Header(name), clock }) => {
                timestamp = match clock {
                    Clock::Seconds => now.as_second().to_string(),
                    Clock::Millis => now.as_millisecond().to_string(),
                    Clock::Rfc3339 => now.to_string(),
                };
                headers.push((name.to_string(), timestamp.clone()));
            }
            Some(Stamp { place: Place::Field(path), .. }) => {
                timestamp = field(body, path).unwrap_or_default().to_owned();
            }
            None => {}
        }
        // Other headers that are signed get a value of ours, unless they are the timestamp itself.
        let mut signed = HeaderMap::new();
        for (name, value) in &headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                signed.insert(name, value);
            }
        }
        for name in plan.signed.headers() {
            let given = once.filter(|(once, _)| *once == name).map_or("okr-router", |(_, value)| value);
            if !signed.contains_key(name)
                && let Ok(value) = HeaderValue::from_str(given)
            {
                signed.insert(name.clone(), value);
                headers.push((name.to_string(), given.to_owned()));
            }
        }
        if let Some(key) = self.keys.first() {
            let mut mac = key.clone();
            if plan.signed.feed(&mut mac, &timestamp, &signed, body).is_ok() {
                let written = mac.finish().write(plan.encoding);
                headers.push((plan.header.to_string(), format!("{}{written}", plan.prefix)));
            }
        }
        headers
    }
}

/// The key of a secret, or why it makes none.
fn key(plan: &SignaturePlan, secret: &Secret) -> Result<Mac, &'static str> {
    let decoded = if plan.key_is_base64 {
        let decoded = BASE64.decode(secret.expose().trim());
        decoded.map_err(|_| "is not base64, which `key = \"base64\"` asks for")?
    } else {
        secret.expose().as_bytes().to_vec()
    };
    Mac::new(plan.algorithm, &decoded).filter(|_| !decoded.is_empty()).ok_or("is empty")
}

/// The time of signing, as the request writes it.
fn stamped<'a>(stamp: &Stamp, request: &Request<'a>) -> Result<&'a str, Refusal> {
    match &stamp.place {
        Place::Header(name) => header::one(request.headers, name),
        Place::Field(path) => field(request.body, path).ok_or(Refusal::Missing),
    }
}

/// A number of the body, or a text, which has no escapes as times have none.
fn field<'a>(body: &'a [u8], path: &[String]) -> Option<&'a str> {
    let raw = json::raw_at(body, path)?.get();
    let bare = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some(bare.unwrap_or(raw)).filter(|text| !text.is_empty())
}
