//! Stripe's form: `t=1700000000,v1=<hex>,v1=<hex>` in one header, over `{t}.{body}`; the whole secret is the key.

use boot::Secret;
use jiff::Timestamp;

use super::{
    fresh, header,
    mac::{self, Algorithm, Encoding, Mac, Tag},
    plan::StripePlan,
    signature::CLAIMS_MAX,
};
use crate::{Refusal, Request};

#[derive(Debug)]
pub(crate) struct Stripe {
    plan: StripePlan,
    keys: Vec<Mac>,
}

impl Stripe {
    pub(super) fn new(plan: StripePlan, secrets: &[Secret]) -> Self {
        let key = |secret: &Secret| Mac::new(Algorithm::Sha256, secret.expose().as_bytes());
        Self { plan, keys: secrets.iter().filter_map(key).collect() }
    }

    pub(super) fn verify(&self, request: &Request<'_>) -> Result<(), Refusal> {
        let written = header::one(request.headers, &self.plan.header)?;
        let mut signed_at = None;
        let mut claims = Vec::new();
        for (name, value) in written.split(',').filter_map(|item| item.trim().split_once('=')) {
            match name {
                "t" if signed_at.is_some() => return Err(Refusal::Ambiguous),
                "t" => signed_at = Some(value),
                "v1" if claims.len() < CLAIMS_MAX => claims.extend(Tag::read(value, Encoding::Hex)),
                _ => {}
            }
        }
        let signed_at = signed_at.ok_or(Refusal::Malformed)?;
        fresh(header::count(signed_at)?.saturating_mul(1000), request.now, self.plan.tolerance_ms)?;
        if claims.is_empty() {
            return Err(Refusal::Malformed);
        }
        let tags = self.keys.iter().map(|key| tag(key, signed_at, request.body));
        if mac::any(tags, &claims) { Ok(()) } else { Err(Refusal::Mismatch) }
    }

    pub(super) fn sign(&self, body: &[u8], now: Timestamp) -> Vec<(String, String)> {
        let signed_at = now.as_second().to_string();
        let written = self.keys.first().map(|key| tag(key, &signed_at, body).write(Encoding::Hex));
        written
            .map(|written| (self.plan.header.to_string(), format!("t={signed_at},v1={written}")))
            .into_iter()
            .collect()
    }
}

fn tag(key: &Mac, signed_at: &str, body: &[u8]) -> Tag {
    let mut mac = key.clone();
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finish()
}
