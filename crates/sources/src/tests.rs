//! Configuration: what is refused, and in which words.

mod documents;
mod volume;

use std::time::Duration;

use crate::{KEYS, KNOWN_KINDS, Refusal, Source, SourceConfig, built};

#[track_caller]
fn check(toml: &str, path: &str, says: &str) {
    let config: SourceConfig = toml::from_str(toml).unwrap();
    let error = Source::build("acme", &config).unwrap_err();
    assert_eq!(error.path, path, "{error}");
    assert!(error.problem.contains(says), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

fn verify(rest: &str) -> String {
    format!("kind = \"okr\"\nverify = {{ {rest} }}")
}

#[test]
fn a_kind_that_is_not_built_or_not_known_is_refused_by_name() {
    check(
        "kind = \"jira\"",
        "sources.acme.kind",
        "kind `jira` is not built yet; built are standard-webhooks, okr",
    );
    check("kind = \"standard-webhook\"", "sources.acme.kind", "did you mean `standard-webhooks`?");
    check("kind = \"zzzzzzzzzzzzzz\"", "sources.acme.kind", "unknown kind `zzzzzzzzzzzzzz`; built are");
    assert!(built().iter().all(|kind| KNOWN_KINDS.contains(kind)));
}

#[test]
fn nothing_is_accepted_unverified_unless_the_config_says_so() {
    check("kind = \"okr\"", "sources.acme.verify", "scheme = \"none\"");
    check("kind = \"okr\"\nsecrets = [\"hunter2\"]", "sources.acme.verify", "is missing");
    check("kind = \"standard-webhooks\"", "sources.acme.secrets", "is missing");
    check(&verify(r#"scheme = "bearer""#), "sources.acme.verify.secrets", "is missing");
    let open: SourceConfig = toml::from_str(&verify(r#"scheme = "none""#)).unwrap();
    assert!(Source::build("acme", &open).is_ok());
}

#[test]
fn a_malformed_secret_names_its_place_and_not_itself() {
    let standard =
        |secret: &str| format!("kind = \"standard-webhooks\"\nsecrets = [\"whsec_YQ==\", \"{secret}\"]");
    check(&standard("whsec_hunter2!"), "sources.acme.secrets[1]", "base64");
    check(&standard("whsec_"), "sources.acme.secrets[1]", "base64");
    check(&standard("whsk_hunter2"), "sources.acme.secrets[1]", "Ed25519");
    let env = "kind = \"standard-webhooks\"\nsecrets = [{ env = \"OKR_TEST_SURELY_NOT_SET\" }]";
    check(env, "sources.acme.secrets[0]", "OKR_TEST_SURELY_NOT_SET");
    let keyed = r#"scheme = "hmac-sha256", header = "x", key = "base64", secrets = ["hunter2!"]"#;
    check(&verify(keyed), "sources.acme.verify.secrets[0]", "base64");
    check(
        &verify(r#"scheme = "basic", secrets = ["hunter2"]"#),
        "sources.acme.verify.secrets[0]",
        "user:password",
    );
}

#[test]
fn a_verification_that_proves_nothing_is_refused() {
    let path = |key: &str| format!("sources.acme.verify.{key}");
    let hmac =
        |rest: &str| verify(&format!(r#"scheme = "hmac-sha256", header = "x", secrets = ["a"], {rest}"#));
    let jwt = |rest: &str| verify(&format!(r#"scheme = "jwt", issuer = "i", {rest}"#));
    check(&verify(r#"scheme = "jwt""#), &path("issuer"), "is missing");
    check(&jwt(r#"jwks = { file = "x" }"#), &path("audience"), "is missing");
    check(&jwt(r#"audience = "a""#), &path("jwks"), "is missing");
    for url in ["http://keys.example.com", "keys.json", "ftp://x", "https:"] {
        check(&jwt(&format!(r#"audience = "a", jwks = {{ url = "{url}" }}"#)), &path("jwks.url"), "https://");
    }
    check(&jwt(r#"audience = "a", jwks = { file = "/no/such/file" }"#), &path("jwks"), "/no/such/file");
    check(&jwt(r#"audience = "a", jwks = { file = "Cargo.toml" }"#), &path("jwks"), "no JSON Web Key Set");
    check(&jwt(r#"audience = "a", jwks = { file = "x" }, secrets = ["a"]"#), &path("secrets"), "not read");
    check(&hmac(r#"issuer = "i""#), &path("issuer"), "not read");
    check(&hmac(r#"timestamp = { unit = "s" }"#), &path("timestamp"), "either `header` or `field`");
    check(&hmac(r#"timestamp = { field = "a..b" }"#), &path("timestamp.field"), "path of a field");
    check(&verify(r#"scheme = "md5""#), &path("scheme"), "does not know `md5`");
    check(&verify(r#"scheme = "hmac-sha256", secrets = ["a"]"#), &path("header"), "is missing");
    check(&hmac("nonce = { header = \"x n\" }"), &path("nonce.header"), "name of a header");
    check(&verify(r#"scheme = "none", nonce = { header = "x" }"#), &path("nonce"), "not read");
    check(&hmac("signed = \"{{ timestamp }}\""), &path("signed"), "{{ body }}");
    check(&hmac("signed = \"{{ timestamp }}.{{ body }}\""), &path("timestamp"), "is missing");
    check(
        &hmac("signed = \"{{ body }}\", timestamp = { header = \"t\" }"),
        &path("signed"),
        "{{ timestamp }}",
    );
    check(&hmac("signed = \"{{ body }\""), &path("signed"), "}}");
    check(&hmac("signed = \"{{ boddy }}\""), &path("signed"), "boddy");
    check(&hmac("tolerance = \"5m\""), &path("tolerance"), "timestamp");
    check(&hmac("encoding = \"base32\""), &path("encoding"), "base64url");
    check(&hmac("separator = \"\""), &path("separator"), "empty");
    check(&verify(r#"scheme = "none", prefix = "x""#), &path("prefix"), "not read");
    check(
        &verify(r#"scheme = "bearer", header = "a b", secrets = ["a"]"#),
        &path("header"),
        "name of a header",
    );
}

#[test]
fn the_rest_of_a_source_is_checked_too() {
    let none = verify(r#"scheme = "none""#);
    check(&format!("progress_scale = 0\n{none}"), "sources.acme.progress_scale", "above 0");
    check(&format!("progress_scale = nan\n{none}"), "sources.acme.progress_scale", "above 0");
    check(&format!("silent_after = \"0s\"\n{none}"), "sources.acme.silent_after", "6h");
    check(&format!("namespace = \" \"\n{none}"), "sources.acme.namespace", "empty");
    check(&format!("each = \"body.items\"\n{none}"), "sources.acme.each", "generic");
    let config: SourceConfig = toml::from_str(&none).unwrap();
    for name in ["", "a/b", "a b", "ä"] {
        assert!(Source::check(name, &config).is_err(), "{name}");
    }
    assert!(toml::from_str::<SourceConfig>("kind = \"okr\"\nverifi = {}").is_err());
}

#[test]
fn a_check_touches_no_secret() {
    let config: SourceConfig =
        toml::from_str("kind = \"standard-webhooks\"\nsecrets = [{ env = \"OKR_TEST_SURELY_NOT_SET\" }]")
            .unwrap();
    assert_eq!(Source::check("acme", &config), Ok(()));
}

#[test]
fn every_key_is_listed_once_under_sources() {
    for key in KEYS {
        assert!(key.path.starts_with("sources.*."), "{}", key.path);
        assert_eq!(KEYS.iter().filter(|other| other.path == key.path).count(), 1, "{}", key.path);
    }
}

#[test]
fn a_nonce_is_read_where_it_stands_once_and_remembered_for_twice_the_tolerance() {
    let build = |rest: &str| {
        let section = format!(r#"scheme = "hmac-sha256", header = "x", secrets = ["a"], {rest}"#);
        Source::build("acme", &toml::from_str::<SourceConfig>(&verify(&section)).unwrap()).unwrap()
    };
    let nonce = r#"nonce = { header = "X-Nonce" }"#;
    let headers = |values: &[&'static str]| -> http::HeaderMap {
        values
            .iter()
            .map(|value| (http::HeaderName::from_static("x-nonce"), http::HeaderValue::from_static(value)))
            .collect()
    };
    let source = build(nonce);
    assert_eq!(source.nonce(&headers(&["n-1"])), Ok(Some("n-1")));
    assert_eq!(source.nonce(&headers(&[])), Err(Refusal::Missing));
    assert_eq!(source.nonce(&headers(&[" "])), Err(Refusal::Missing));
    assert_eq!(source.nonce(&headers(&["n-1", "n-1"])), Err(Refusal::Ambiguous));
    assert_eq!(source.nonce_age(), Some(Duration::from_secs(600)));
    let age = build(&format!("{nonce}, tolerance = \"1m\", timestamp = {{ header = \"t\" }}")).nonce_age();
    assert_eq!(age, Some(Duration::from_secs(120)));
    for signed in ["", r#", signed = "{{ headers['x-nonce'] }}.{{ body }}""#] {
        let source = build(&format!("{nonce}{signed}"));
        let sign = |second| source.sign(b"{}", jiff::Timestamp::from_second(second).unwrap());
        let of = |headers: Vec<(String, String)>| {
            headers.into_iter().find(|(name, _)| name == "x-nonce").unwrap().1
        };
        assert_ne!(of(sign(1)), of(sign(2)), "each delivery has one of its own");
        let headers =
            sign(1).iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let request = crate::Request { headers: &headers, body: b"{}", now: jiff::Timestamp::UNIX_EPOCH };
        assert_eq!(source.verify(&request), Ok(()));
    }
    let without = build("prefix = \"\"");
    assert_eq!((without.nonce(&headers(&[])), without.nonce_age()), (Ok(None), None));
}

#[test]
fn a_nonce_that_is_worth_less_than_it_looks_is_doubted() {
    let doubts = |text: &str| {
        let doubts = Source::doubts("acme", &toml::from_str(&verify(text)).unwrap());
        doubts.into_iter().map(|doubt| doubt.to_string()).collect::<Vec<_>>()
    };
    let hmac = r#"scheme = "hmac-sha256", header = "x", secrets = ["a"], nonce = { header = "X-N" }"#;
    let stamp = r#"timestamp = { header = "t" }"#;
    let covered =
        format!(r#"{hmac}, {stamp}, signed = "{{{{ timestamp }}}}.{{{{ headers['x-n'] }}}}.{{{{ body }}}}""#);
    assert_eq!(doubts(&covered), Vec::<String>::new());
    let usual = doubts(&format!("{hmac}, {stamp}"));
    assert!(usual.len() == 1 && usual[0].contains("not under the signature"), "{usual:?}");
    let timeless = doubts(&format!(r#"{hmac}, signed = "{{{{ headers['x-n'] }}}}.{{{{ body }}}}""#));
    assert!(timeless.len() == 1 && timeless[0].contains("no `timestamp`"), "{timeless:?}");
    let bearer = doubts(r#"scheme = "bearer", secrets = ["a"], nonce = { header = "x-n" }"#);
    assert_eq!(bearer.len(), 2, "{bearer:?}");
    let token = doubts(
        r#"scheme = "jwt", issuer = "i", audience = "a", jwks = { url = "https://i" }, nonce = { header = "x-n" }"#,
    );
    assert!(token.len() == 2 && token[1].contains("tokens live no longer"), "{token:?}");
    assert_eq!(doubts(r#"scheme = "bearer", secrets = ["a"]"#), Vec::<String>::new());
}
