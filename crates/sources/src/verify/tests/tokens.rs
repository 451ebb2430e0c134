//! Tokens that are signed and still prove nothing to us. The keys are made here, so that anything can be signed.

use base64::Engine;
use http::HeaderMap;
use jiff::Timestamp;
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};

use crate::{Learned, Refusal, Request, Source, SourceConfig, verify::mac::BASE64_URL};

const NOW: i64 = 1_700_000_000;

struct Issuer {
    key: Ed25519KeyPair,
}

impl Issuer {
    fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { key: Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap() }
    }

    fn jwk(&self, id: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": BASE64_URL.encode(self.key.public_key()) })
    }

    fn token(&self, head: Value, claims: Value) -> String {
        let signed =
            format!("{}.{}", BASE64_URL.encode(head.to_string()), BASE64_URL.encode(claims.to_string()));
        let signature = BASE64_URL.encode(self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// A source whose key set has these keys. Each test names a file of its own.
fn source(test: &str, keys: &[Value]) -> Source {
    let file = std::env::temp_dir().join(format!("okr-router-{}-{test}.json", std::process::id()));
    std::fs::write(&file, json!({ "keys": keys }).to_string()).unwrap();
    let config = format!(
        "kind = \"okr\"\nverify = {{ scheme = \"jwt\", issuer = \"us\", audience = \"okr\", jwks = {{ file = {file:?} }} }}"
    );
    let source = Source::build("acme", &toml::from_str::<SourceConfig>(&config).unwrap());
    std::fs::remove_file(&file).unwrap();
    source.unwrap()
}

fn verify(source: &Source, token: &str) -> Result<(), Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    source.verify(&Request { headers: &headers, body: b"{}", now: Timestamp::from_second(NOW).unwrap() })
}

fn good() -> Value {
    json!({ "iss": "us", "aud": "okr", "exp": NOW + 10 })
}

#[test]
fn claims_must_be_ours_and_of_now() {
    let issuer = Issuer::new();
    let source = source("claims", &[issuer.jwk("a")]);
    let head = json!({ "alg": "EdDSA", "kid": "a" });
    let check = |name: &str, value: Value, expected: Result<(), Refusal>| {
        let mut claims = good();
        claims[name] = value;
        assert_eq!(verify(&source, &issuer.token(head.clone(), claims.clone())), expected, "{claims}");
    };
    check("sub", json!("anybody"), Ok(()));
    check("aud", json!(["x", "okr"]), Ok(()));
    check("exp", json!(NOW - 59), Ok(()));
    check("exp", json!(NOW - 60), Err(Refusal::Stale));
    check("exp", json!(NOW as f64 + 0.5), Ok(()));
    check("exp", Value::Null, Err(Refusal::Malformed));
    check("exp", json!("tomorrow"), Err(Refusal::Malformed));
    check("nbf", json!(NOW + 60), Ok(()));
    check("nbf", json!(NOW + 61), Err(Refusal::Stale));
    check("iss", json!("them"), Err(Refusal::Claims));
    check("iss", Value::Null, Err(Refusal::Claims));
    check("aud", json!("okr2"), Err(Refusal::Claims));
    check("aud", json!([]), Err(Refusal::Claims));
    check("aud", Value::Null, Err(Refusal::Claims));
}

#[test]
fn a_key_that_is_exchanged_is_one_of_two_for_a_while() {
    let (old, new, stranger) = (Issuer::new(), Issuer::new(), Issuer::new());
    let head = |id: &str| json!({ "alg": "EdDSA", "kid": id });
    let (by_old, by_new) = (old.token(head("old"), good()), new.token(head("new"), good()));
    let both = source("both", &[old.jwk("old"), new.jwk("new")]);
    assert_eq!((verify(&both, &by_old), verify(&both, &by_new)), (Ok(()), Ok(())));
    assert_eq!(verify(&both, &new.token(head("old"), good())), Err(Refusal::Mismatch));
    assert_eq!(
        verify(&both, &new.token(json!({ "alg": "EdDSA" }), good())),
        Ok(()),
        "without a name any key may fit"
    );
    assert_eq!(verify(&both, &stranger.token(json!({ "alg": "EdDSA" }), good())), Err(Refusal::Mismatch));
    let after = source("after", &[new.jwk("new")]);
    assert_eq!((verify(&after, &by_old), verify(&after, &by_new)), (Err(Refusal::UnknownKey), Ok(())));
}

#[test]
fn a_token_never_chooses_how_it_is_judged() {
    let issuer = Issuer::new();
    let source = source("chooses", &[issuer.jwk("a")]);
    for algorithm in ["none", "HS256", "RS256", "ES256", "eddsa"] {
        let token = issuer.token(json!({ "alg": algorithm, "kid": "a" }), good());
        assert_eq!(verify(&source, &token), Err(Refusal::UnknownKey), "{algorithm}");
    }
    let critical = issuer.token(json!({ "alg": "EdDSA", "kid": "a", "crit": ["b64"] }), good());
    assert_eq!(verify(&source, &critical), Err(Refusal::Malformed));
    let token = issuer.token(json!({ "alg": "EdDSA", "kid": "a" }), good());
    for broken in
        ["", "a", "a.b", "..", &token[..token.len() - 40], &token.replace('.', ".."), &format!("{token}.x")]
    {
        assert!(verify(&source, broken).is_err(), "{broken}");
    }
}

#[test]
fn keys_that_are_fetched_are_passed_in() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let config = "kind = \"okr\"\nverify = { scheme = \"jwt\", issuer = \"us\", audience = \"okr\", jwks = { url = \"https://x/keys\" } }";
    let source = Source::build("acme", &toml::from_str::<SourceConfig>(config).unwrap()).unwrap();
    assert_eq!(source.keys_url(), Some("https://x/keys"));
    let learned = |keys: &[Value]| Learned::keys(&json!({ "keys": keys }).to_string()).unwrap();
    let verify = |learned: &Learned, issuer: &Issuer, id: &str| {
        let token = issuer.token(json!({ "alg": "EdDSA", "kid": id }), good());
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        let now = Timestamp::from_second(NOW).unwrap();
        source.verify_with(&Request { headers: &headers, body: b"{}", now }, learned)
    };
    assert_eq!(verify(&Learned::default(), &old, "old"), Err(Refusal::NoKeys));
    let before = learned(&[old.jwk("old")]);
    assert_eq!(
        (verify(&before, &old, "old"), verify(&before, &new, "new")),
        (Ok(()), Err(Refusal::UnknownKey))
    );
    let after = learned(&[new.jwk("new")]);
    assert_eq!(
        (verify(&after, &old, "old"), verify(&after, &new, "new")),
        (Err(Refusal::UnknownKey), Ok(()))
    );
    assert!(Learned::keys("{}").is_err() && Learned::keys(r#"{"keys":[{"kty":"oct"}]}"#).is_err());
}
