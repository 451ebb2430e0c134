//! A fixed word in a header: a bearer token, a name with a password, or a vendor's own header.

use base64::Engine;
use boot::Secret;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::{header, mac::BASE64, plan::TokenPlan};
use crate::{Refusal, Request, SourceError};

impl TokenPlan {
    /// The word behind the prefix, whose letters may be of either case, as HTTP's scheme names are.
    pub(super) fn bare<'a>(&self, written: &'a str) -> Option<&'a str> {
        let start = written.get(..self.prefix.len())?;
        start.eq_ignore_ascii_case(&self.prefix).then(|| &written[self.prefix.len()..])
    }
}

#[derive(Debug)]
pub(crate) struct Token {
    plan: TokenPlan,
    secrets: Vec<Secret>,
    /// Hashes are compared in place of the words, so that not even a word's length shows.
    hashes: Vec<[u8; 32]>,
}

impl Token {
    pub(super) fn new(
        plan: TokenPlan,
        secrets: &[Secret],
        at: impl Fn(usize, String) -> SourceError,
    ) -> Result<Self, SourceError> {
        for (nth, secret) in secrets.iter().enumerate() {
            let word = secret.expose();
            if plan.basic && !word.contains(':') {
                return Err(at(nth, "must be `user:password`, which scheme `basic` asks for".to_owned()));
            }
            if word.bytes().any(|byte| !(32..127).contains(&byte)) && !plan.basic {
                return Err(at(nth, "has characters that no header can carry".to_owned()));
            }
        }
        let hashes = secrets.iter().map(|secret| Sha256::digest(secret.expose()).into()).collect();
        Ok(Self { plan, secrets: secrets.to_vec(), hashes })
    }

    pub(super) fn verify(&self, request: &Request<'_>) -> Result<(), Refusal> {
        let written = header::one(request.headers, &self.plan.header)?;
        let bare = self.plan.bare(written).ok_or(Refusal::Malformed)?.trim();
        let claim: [u8; 32] = if self.plan.basic {
            Sha256::digest(BASE64.decode(bare).map_err(|_| Refusal::Malformed)?).into()
        } else {
            Sha256::digest(bare).into()
        };
        let mut fits = Choice::from(0);
        for hash in &self.hashes {
            fits |= hash.as_slice().ct_eq(claim.as_slice());
        }
        if fits.into() { Ok(()) } else { Err(Refusal::Mismatch) }
    }

    pub(super) fn sign(&self) -> Vec<(String, String)> {
        let Some(secret) = self.secrets.first() else { return Vec::new() };
        let word = if self.plan.basic { BASE64.encode(secret.expose()) } else { secret.expose().to_owned() };
        vec![(self.plan.header.to_string(), format!("{}{word}", self.plan.prefix))]
    }
}
