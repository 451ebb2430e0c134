//! What other implementations signed, and the same with one thing wrong. `tests/python/vectors.py` makes them.

use base64::Engine;
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{Refusal, Request, Source, SourceConfig, verify::mac::BASE64};

#[derive(Deserialize)]
struct Vector {
    name: String,
    config: String,
    headers: std::collections::BTreeMap<String, String>,
    body: String,
    body_is_covered: bool,
    now: i64,
}

const JWKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/vectors/jwks.json");

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../fixtures/vectors/vectors.json")).unwrap()
}

impl Vector {
    fn source(&self, twist: impl Fn(String) -> String) -> Source {
        let config = twist(self.config.replace("JWKS", JWKS));
        let kind = if config.starts_with("kind") { "" } else { "kind = \"okr\"\n" };
        let config: SourceConfig = toml::from_str(&format!("{kind}{config}")).unwrap();
        Source::build("acme", &config).unwrap()
    }

    fn headers(&self) -> HeaderMap {
        let pair = |(name, value): (&String, &String)| {
            (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
        };
        self.headers.iter().map(pair).collect()
    }

    fn check(&self, source: &Source, headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), Refusal> {
        source.verify(&Request { headers, body, now: Timestamp::from_second(now).unwrap() })
    }

    fn body(&self) -> Vec<u8> {
        BASE64.decode(&self.body).unwrap()
    }

    fn is_built(&self) -> bool {
        let kind = self
            .config
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("kind = "))
            .map(|kind| kind.trim_matches('"'));
        kind.is_none_or(|kind| crate::built().contains(&kind))
    }

    fn is_stamped(&self) -> bool {
        let words = ["timestamp =", "stripe", "standard-webhooks", "jwt"];
        words.iter().any(|word| self.config.contains(word))
    }
}

#[test]
fn what_other_implementations_sign_passes() {
    let all = vectors();
    assert!(all.len() > 25);
    for vector in all.iter().filter(|vector| vector.is_built()) {
        let result =
            vector.check(&vector.source(|config| config), &vector.headers(), &vector.body(), vector.now);
        assert_eq!(result, Ok(()), "{}", vector.name);
    }
}

#[test]
fn one_byte_of_the_body_makes_it_fail() {
    for vector in vectors().iter().filter(|vector| vector.body_is_covered && vector.is_built()) {
        let source = vector.source(|config| config);
        let body = vector.body();
        for at in 0..body.len() {
            let mut altered = body.clone();
            altered[at] ^= 1;
            assert!(
                vector.check(&source, &vector.headers(), &altered, vector.now).is_err(),
                "{} at {at}",
                vector.name
            );
        }
    }
}

#[test]
fn one_byte_of_the_proof_makes_it_fail() {
    for vector in vectors().iter().filter(|vector| vector.is_built()) {
        let source = vector.source(|config| config);
        for (name, value) in &vector.headers {
            // The last characters of base64 may have bits that mean nothing, and padding; in lists the first are decoys.
            for at in value.len() / 3..value.len().saturating_sub(3) {
                let mut bytes = value.clone().into_bytes();
                bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
                let mut headers = vector.headers();
                headers.insert(
                    name.parse::<http::HeaderName>().unwrap(),
                    String::from_utf8(bytes).unwrap().parse().unwrap(),
                );
                let decoy = vector.name == "several signatures" && at < value.len() - 64
                    || vector.name == "stripe" && at < value.len() - 64;
                let result = vector.check(&source, &headers, &vector.body(), vector.now);
                assert!(decoy || result.is_err(), "{}: {name} at {at}", vector.name);
            }
        }
        assert!(
            vector.check(&source, &HeaderMap::new(), &vector.body(), vector.now).is_err(),
            "{}",
            vector.name
        );
    }
}

#[test]
fn another_secret_makes_it_fail() {
    for vector in vectors().iter().filter(|vector| vector.is_built() && !vector.config.contains("jwt")) {
        let other = vector.source(|config| {
            config.replace("tracker-secret", "tracker-secres").replace("dHJhY2t", "dHJhY2s")
        });
        let result = vector.check(&other, &vector.headers(), &vector.body(), vector.now);
        assert_eq!(result, Err(Refusal::Mismatch), "{}", vector.name);
    }
}

#[test]
fn another_time_makes_it_fail() {
    let mut stamped = 0;
    for vector in vectors().iter().filter(|vector| vector.is_built() && vector.is_stamped()) {
        stamped += 1;
        let source = vector.source(|config| config);
        for now in [vector.now - 302, vector.now + 302] {
            let result = vector.check(&source, &vector.headers(), &vector.body(), now);
            assert_eq!(result, Err(Refusal::Stale), "{} at {now}", vector.name);
        }
    }
    assert!(stamped >= 10, "{stamped}");
}
