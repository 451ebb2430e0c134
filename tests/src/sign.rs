//! Signatures made without a line of our own code, so that a mistake in ours cannot confirm itself.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

type Headers = Vec<(String, String)>;

/// Seconds since 1970, now; a test that wants a stale signature subtracts.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

/// A secret in the form of Standard Webhooks, made of these bytes.
pub fn whsec(key: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}

/// The three headers of Standard Webhooks 1.0.0 (`v1`) for this secret, such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
pub fn standard_webhooks(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Result<Headers> {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).context("the secret is not base64")?;
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    let signature = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &signed)?));
    let headers = [("webhook-id", id), ("webhook-timestamp", &timestamp.to_string())];
    let mut headers: Headers = headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    headers.push(("webhook-signature".into(), signature));
    Ok(headers)
}

/// One header with a prefix and the hexadecimal HMAC-SHA-256 of the body, as GitHub writes it.
pub fn hmac_hex(secret: &str, header: &str, prefix: &str, body: &[u8]) -> Result<Headers> {
    let signature = hex::encode(hmac_sha256(secret.as_bytes(), body)?);
    Ok(vec![(header.into(), format!("{prefix}{signature}"))])
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(text);
    Ok(mac.finalize().into_bytes().to_vec())
}
