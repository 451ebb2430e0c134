//! What other implementations sign, as `tests/python/vectors.py` has it.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use okr_tests::{Folder, Python};
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Vector {
    pub name: String,
    config: String,
    pub headers: BTreeMap<String, String>,
    body: String,
    /// Whether another body would need another proof.
    pub body_is_covered: bool,
    now: i64,
    made_by: String,
}

/// The same deliveries as they should be, signed an hour ago, and signed with another secret.
#[derive(Debug, Deserialize)]
pub struct Live {
    pub good: Vec<Vector>,
    pub stale: Vec<Vector>,
    pub forged: Vec<Vector>,
}

impl Vector {
    pub fn body(&self) -> Result<Vec<u8>> {
        Ok(BASE64_STANDARD.decode(&self.body)?)
    }

    pub fn headers(&self) -> Vec<(String, String)> {
        self.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Whether the scheme knows when a delivery was signed.
    pub fn is_stamped(&self) -> bool {
        let words = ["timestamp =", "stripe", "standard-webhooks", "jwt"];
        words.iter().any(|word| self.config.contains(word))
    }

    fn is_token(&self) -> bool {
        self.config.contains("jwt")
    }

    /// The keys of its section, with the file of the issuer's keys, and its kind.
    fn keys(&self, jwks: &Path) -> String {
        let kind = if self.config.starts_with("kind") { "" } else { "kind = \"okr\"\n" };
        format!("{kind}{}", self.config.replace("JWKS", &jwks.display().to_string()))
    }

    /// The section for a role, which takes no secret from its file: the section, and the secret.
    pub fn section(&self, name: &str, variable: &str, jwks: &Path) -> Result<(String, Option<String>)> {
        let keys = self.keys(jwks);
        let Some((before, rest)) = keys.split_once("secrets = [\"") else {
            return Ok((format!("[sources.{name}]\n{keys}\n"), None));
        };
        let (secret, after) = rest.split_once("\"]").context("a list of one secret")?;
        let section = format!("[sources.{name}]\n{before}secrets = [{{ env = \"{variable}\" }}]{after}\n");
        Ok((section, Some(secret.to_owned())))
    }
}

/// Signs everything anew, for this moment.
pub async fn live(folder: &Folder) -> Result<Live> {
    Python::run("vectors.py", &[folder.path().as_os_str(), "now".as_ref()]).await?;
    Ok(serde_json::from_slice(&std::fs::read(folder.join("live.json"))?)?)
}

#[tokio::test]
async fn the_kept_vectors_are_what_other_implementations_sign_today_and_they_verify() -> Result<()> {
    let folder = Folder::new("vectors")?;
    Python::run("vectors.py", &[folder.path()]).await?;
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/sources/fixtures/vectors");
    let read = |path: &Path| -> Result<Vec<Vector>> { Ok(serde_json::from_slice(&std::fs::read(path)?)?) };
    let (kept, today) = (read(&kept.join("vectors.json"))?, read(&folder.join("vectors.json"))?);
    ensure!(kept.len() == today.len() && today.len() >= 30, "{} are kept, {} made", kept.len(), today.len());
    for (kept, today) in kept.iter().zip(&today) {
        // Tokens are signed with keys of their own each time.
        let headers = if today.is_token() { kept.headers.clone() } else { today.headers.clone() };
        ensure!(*kept == Vector { headers, ..today.clone() }, "{kept:?} is kept, {today:?} is made");
        let config = toml::from_str(&today.keys(&folder.join("jwks.json")))?;
        let source = sources::Source::build("acme", &config)?;
        let headers = today.headers.iter().map(|(name, value)| Ok((name.parse()?, value.parse()?)));
        let (headers, body) = (headers.collect::<Result<http::HeaderMap>>()?, today.body()?);
        let now = Timestamp::from_second(today.now)?;
        let proof = source.verify(&sources::Request { headers: &headers, body: &body, now });
        ensure!(proof.is_ok(), "{}: {proof:?}; made by {}", today.name, today.made_by);
    }
    Ok(())
}
