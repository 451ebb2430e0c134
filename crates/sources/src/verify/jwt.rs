//! JSON Web Tokens (RFC 7519, RFC 8725): who sent it, by a token that an issuer signed. The body is not covered: only
//! TLS keeps it as it was.

use base64::Engine;
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    header,
    jwks::KeySet,
    mac::BASE64_URL,
    plan::{JwtPlan, Keys},
};
use crate::{Refusal, Request, SourceError};

#[derive(Debug)]
pub(crate) struct Jwt {
    plan: JwtPlan,
    /// Those of a file; those of an address are passed in.
    own: Option<KeySet>,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood; there is none that we do.
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    aud: Option<Audience>,
    /// Seconds since 1970, perhaps with a fraction.
    exp: Option<f64>,
    nbf: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Jwt {
    pub(super) fn new(plan: JwtPlan, at: impl Fn(String) -> SourceError) -> Result<Self, SourceError> {
        let own = match &plan.keys {
            Keys::File(file) => {
                let text = boot::SecretRef::File { file: file.clone() }.resolve();
                let text = text.map_err(|error| at(error.to_string()))?;
                Some(KeySet::read(text.expose()).map_err(at)?)
            }
            Keys::Url(_) => None,
        };
        Ok(Self { plan, own })
    }

    pub(super) fn keys_url(&self) -> Option<&str> {
        match &self.plan.keys {
            Keys::Url(url) => Some(url),
            Keys::File(_) => None,
        }
    }

    pub(super) fn verify(&self, request: &Request<'_>, learned: Option<&KeySet>) -> Result<(), Refusal> {
        let keys = self.own.as_ref().or(learned).ok_or(Refusal::NoKeys)?;
        let written = header::one(request.headers, &self.plan.token.header)?;
        let token = self.plan.token.bare(written).ok_or(Refusal::Malformed)?.trim();
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (head, claims) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        let head: Head = part(head)?;
        if head.crit.is_some() {
            return Err(Refusal::Malformed);
        }
        let signature = BASE64_URL.decode(signature).map_err(|_| Refusal::Malformed)?;
        let mut known = false;
        let mut fits = false;
        for verifies in keys.of(&head.alg, head.kid.as_deref()) {
            known = true;
            fits |= verifies(signed.as_bytes(), &signature);
        }
        match (known, fits) {
            (false, _) => Err(Refusal::UnknownKey),
            (true, false) => Err(Refusal::Mismatch),
            (true, true) => self.claims(&part(claims)?, request.now),
        }
    }

    fn claims(&self, claims: &Claims, now: Timestamp) -> Result<(), Refusal> {
        let meant = match &claims.aud {
            None => false,
            Some(Audience::One(audience)) => *audience == self.plan.audience,
            Some(Audience::Several(audiences)) => audiences.contains(&self.plan.audience),
        };
        if !meant || claims.iss.as_ref() != Some(&self.plan.issuer) {
            return Err(Refusal::Claims);
        }
        // A token without an end would be a password that nobody can change.
        let end = claims.exp.ok_or(Refusal::Malformed)?;
        let (now, slack) = (now.as_millisecond() as f64 / 1000.0, self.plan.tolerance_ms as f64 / 1000.0);
        let over = now >= end + slack;
        let early = claims.nbf.is_some_and(|begin| now < begin - slack);
        if over || early { Err(Refusal::Stale) } else { Ok(()) }
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    let bytes = BASE64_URL.decode(text).map_err(|_| Refusal::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refusal::Malformed)
}
