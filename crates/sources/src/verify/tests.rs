//! Vectors from the vendors' documentation and from `openssl dgst -hmac`, and what must never pass.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use crate::{Refusal, Request, Source, SourceConfig};

mod tokens;
mod vectors;

const NOW: i64 = 1_700_000_000;
/// Neither text nor JSON: only the bytes count.
const BODY: &[u8] =
    b"{\"type\":\"key_result.checked_in\",\"subject\":{\"id\":\"kr-1\"},\"note\":\"caf\xc3\xa9 \x00\xff\"}";

fn source(toml: &str) -> Source {
    let config: SourceConfig = toml::from_str(toml).unwrap();
    Source::build("acme", &config).unwrap()
}

fn okr(verify: &str) -> Source {
    source(&format!("kind = \"okr\"\nverify = {{ {verify} }}"))
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn verify(source: &Source, pairs: &[(&str, &str)], body: &[u8], now: i64) -> Result<(), Refusal> {
    let now = Timestamp::from_second(now).unwrap();
    source.verify(&Request { headers: &headers(pairs), body, now })
}

#[track_caller]
fn check(source: &Source, pairs: &[(&str, &str)], expected: Result<(), Refusal>) {
    assert_eq!(verify(source, pairs, BODY, NOW), expected, "{pairs:?}");
}

const HEX_1: &str = "31b3cb31ead3ba2f3f539f9cbc5ae914780da432";
const HEX_256: &str = "e3348966d4bfc23b104273ed36a08e656b3ceb296d1aac04eff67c2cdb5d97de";
const STAMPED: &str = "766d58d1b8bb20e533d6e34e592879f799f4aea72aa0fdff463813546a535e5c";
const BASE64_512: &str =
    "KgUw5bvqdxSx3/Rw5jZ1vB4Y+6m2d1UXkh97nlKY59BSZteeSWw1ofUpV0ShBx9AqL+by1v3mtlCoCzBkC1Aig==";

#[test]
fn every_hash_and_encoding_fits_what_openssl_computes() {
    let sha1 = okr(r#"scheme = "hmac-sha1", header = "X-Sig", secrets = ["tracker-secret"]"#);
    check(&sha1, &[("x-sig", HEX_1)], Ok(()));
    let sha256 =
        okr(r#"scheme = "hmac-sha256", header = "x-sig", prefix = "sha256=", secrets = ["tracker-secret"]"#);
    check(&sha256, &[("x-sig", &format!("sha256={HEX_256}"))], Ok(()));
    check(&sha256, &[("x-sig", &format!("sha256={}", HEX_256.to_uppercase()))], Ok(()));
    check(&sha256, &[("x-sig", HEX_256)], Err(Refusal::Malformed));
    let sha512 =
        okr(r#"scheme = "hmac-sha512", header = "x-sig", encoding = "base64", secrets = ["tracker-secret"]"#);
    check(&sha512, &[("x-sig", BASE64_512)], Ok(()));
    check(&sha512, &[("x-sig", BASE64_512.trim_end_matches('='))], Ok(()));
    let url = okr(
        r#"scheme = "hmac-sha256", header = "x-sig", encoding = "base64url", key = "base64", secrets = ["c2VjcmV0LWtleS0x"]"#,
    );
    check(&url, &[("x-sig", "EZt3kNeYtCTUHkkjgbzNss4aDdeqGtVk7sfL0cFm2cc")], Ok(()));
    check(&url, &[("x-sig", "EZt3kNeYtCTUHkkjgbzNss4aDdeqGtVk7sfL0cFm2cc=")], Ok(()));
}

#[test]
fn the_vendors_own_examples_pass() {
    let github = okr(
        r#"scheme = "hmac-sha256", header = "x-hub-signature-256", prefix = "sha256=", secrets = ["It's a Secret to Everybody"]"#,
    );
    let written = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(verify(&github, &[("x-hub-signature-256", written)], b"Hello, World!", NOW), Ok(()));
    let svix = source("kind = \"standard-webhooks\"\nsecrets = [\"whsec_plJ3nmyCDGBKInavdOK15jsl\"]");
    let body = br#"{"event_type":"ping","data":{"success":true}}"#;
    for family in ["svix", "webhook"] {
        let pairs = [
            (format!("{family}-id"), "msg_loFOjxBNrRLzqYUf"),
            (format!("{family}-timestamp"), "1731705121"),
            (format!("{family}-signature"), "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="),
        ];
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(verify(&svix, &pairs, body, 1_731_705_121 + 300), Ok(()));
        assert_eq!(verify(&svix, &pairs, body, 1_731_705_121 + 301), Err(Refusal::Stale));
        assert_eq!(verify(&svix, &pairs, body, 1_731_705_121 - 301), Err(Refusal::Stale));
    }
}

#[test]
fn a_signature_over_a_template_covers_raw_bytes() {
    let stamped = r#"scheme = "hmac-sha256", header = "x-sig", secrets = ["tracker-secret"], timestamp = { header = "x-timestamp" }"#;
    for source in [okr(stamped), okr(&format!("{stamped}, signed = \"{{{{timestamp}}}}.{{{{ body }}}}\""))] {
        check(&source, &[("x-sig", STAMPED), ("x-timestamp", "1700000000")], Ok(()));
        check(&source, &[("x-sig", STAMPED), ("x-timestamp", "1700000001")], Err(Refusal::Mismatch));
        check(&source, &[("x-sig", STAMPED)], Err(Refusal::Missing));
        check(&source, &[("x-sig", STAMPED), ("x-timestamp", "1699999000")], Err(Refusal::Stale));
        check(&source, &[("x-sig", STAMPED), ("x-timestamp", "17e8")], Err(Refusal::Malformed));
        check(&source, &[("x-sig", STAMPED), ("x-timestamp", "")], Err(Refusal::Malformed));
        check(
            &source,
            &[("x-sig", STAMPED), ("x-timestamp", "99999999999999999999")],
            Err(Refusal::Malformed),
        );
    }
    let slack = okr(
        r#"scheme = "hmac-sha256", header = "x-sig", prefix = "v0=", secrets = ["tracker-secret"],
           timestamp = { header = "x-ts", unit = "ms" }, signed = "v0:{{ timestamp }}:{{ body }}", tolerance = "10s""#
            .replace('\n', " ")
            .as_str(),
    );
    let written = "v0=96dd9ff844b7e396173087abe355edebbba7025a877a01fba6438f7e1e3bded0";
    check(&slack, &[("x-sig", written), ("x-ts", "1700000000123")], Ok(()));
    let other = [("x-sig", written), ("x-ts", "1700000000123")];
    assert_eq!(verify(&slack, &other, BODY, NOW + 11), Err(Refusal::Stale));
    let with_id = okr(
        r#"scheme = "hmac-sha256", header = "x-sig", secrets = ["tracker-secret"], signed = "{{ headers['X-Id'] }}.{{ body }}""#,
    );
    let written = "7d749f844af337dc22e2471683d1f03b3d4bdca64ea8bd1e1d67133e0c12d250";
    check(&with_id, &[("x-sig", written), ("x-id", "msg_1")], Ok(()));
    check(&with_id, &[("x-sig", written), ("x-id", "msg_2")], Err(Refusal::Mismatch));
    check(&with_id, &[("x-sig", written)], Err(Refusal::Missing));
}

#[test]
fn the_ready_made_schemes_fit_what_openssl_computes() {
    let shopify = okr(r#"scheme = "shopify", secrets = ["hush"]"#);
    check(&shopify, &[("x-shopify-hmac-sha256", "OCdH6H9cqh4HUn3gnNG3sEnRLGNJ7U57fc4sGZH7j34=")], Ok(()));
    let stripe = okr(r#"scheme = "stripe", secrets = ["whsec_plain"]"#);
    let v1 = "ff4deafb2cea276370af1bfe59cbd20c517806879e29e20dddb8c2405daf1d0a";
    let zeros = "00".repeat(32);
    let read = |text: String| verify(&stripe, &[("stripe-signature", &text)], BODY, NOW);
    assert_eq!(read(format!("t=1700000000,v1={v1}")), Ok(()));
    assert_eq!(read(format!("t=1700000000, v1={zeros}, v1={v1}, v0=x")), Ok(()));
    assert_eq!(read(format!("t=1700000000,v1={zeros}")), Err(Refusal::Mismatch));
    assert_eq!(read(format!("t=1700000001,v1={v1}")), Err(Refusal::Mismatch));
    assert_eq!(read(format!("t=1700000000,t=1700000001,v1={v1}")), Err(Refusal::Ambiguous));
    assert_eq!(read(format!("t=1699999699,v1={v1}")), Err(Refusal::Stale));
    assert_eq!(read(format!("t=1700000301,v1={v1}")), Err(Refusal::Stale));
    assert_eq!(read(format!("v1={v1}")), Err(Refusal::Malformed));
    assert_eq!(read("t=1700000000".to_owned()), Err(Refusal::Malformed));
}

#[test]
fn several_secrets_and_several_signatures_are_all_tried() {
    let rotating = okr(
        r#"scheme = "hmac-sha256", header = "x-sig", prefix = "v1=", separator = ",", secrets = ["new", "tracker-secret"]"#,
    );
    let zeros = "00".repeat(32);
    check(&rotating, &[("x-sig", &format!("v1={HEX_256}"))], Ok(()));
    check(&rotating, &[("x-sig", &format!("v1={zeros}, v1={HEX_256}"))], Ok(()));
    check(&rotating, &[("x-sig", &format!("v2=zz,v1={HEX_256}"))], Ok(()));
    check(&rotating, &[("x-sig", &format!("v1={zeros},v1={zeros}"))], Err(Refusal::Mismatch));
    let single = okr(r#"scheme = "hmac-sha256", header = "x-sig", secrets = ["tracker-secret"]"#);
    check(&single, &[("x-sig", &format!("{zeros},{HEX_256}"))], Err(Refusal::Malformed));
    check(&single, &[("x-sig", HEX_256), ("x-sig", &zeros)], Err(Refusal::Ambiguous));
    check(&single, &[("x-sig", HEX_256), ("x-sig", HEX_256)], Err(Refusal::Ambiguous));
}

#[test]
fn a_byte_more_or_less_anywhere_is_refused() {
    let single = okr(r#"scheme = "hmac-sha256", header = "x-sig", secrets = ["tracker-secret"]"#);
    for at in 0..BODY.len() {
        let mut altered = BODY.to_vec();
        altered[at] ^= 1;
        assert_eq!(verify(&single, &[("x-sig", HEX_256)], &altered, NOW), Err(Refusal::Mismatch));
    }
    for written in ["", "zz", &HEX_256[..62], &format!("{HEX_256}00"), HEX_1, "é"] {
        assert!(verify(&single, &[("x-sig", written)], BODY, NOW).is_err(), "{written}");
    }
    check(&single, &[], Err(Refusal::Missing));
}

#[test]
fn a_token_is_compared_as_a_whole() {
    let bearer = okr(r#"scheme = "bearer", secrets = ["t0ken-new", "t0ken-old"]"#);
    check(&bearer, &[("authorization", "Bearer t0ken-old")], Ok(()));
    check(&bearer, &[("authorization", "bearer t0ken-new")], Ok(()));
    check(&bearer, &[("authorization", "Bearer t0ken")], Err(Refusal::Mismatch));
    check(&bearer, &[("authorization", "Bearer ")], Err(Refusal::Malformed));
    check(&bearer, &[("authorization", "t0ken-old")], Err(Refusal::Malformed));
    check(&bearer, &[], Err(Refusal::Missing));
    let own = okr(r#"scheme = "bearer", header = "X-Token", secrets = ["abc"]"#);
    check(&own, &[("x-token", "abc")], Ok(()));
    check(&own, &[("x-token", "")], Err(Refusal::Mismatch));
    let basic = okr(r#"scheme = "basic", secrets = ["okr:päss:word"]"#);
    check(&basic, &[("authorization", "Basic b2tyOnDDpHNzOndvcmQ=")], Ok(()));
    check(&basic, &[("authorization", "basic b2tyOnDDpHNzOndvcmQ")], Ok(()));
    check(&basic, &[("authorization", "Basic b2tyOnBhc3M=")], Err(Refusal::Mismatch));
    check(&basic, &[("authorization", "Basic ???")], Err(Refusal::Malformed));
}

#[test]
fn standard_webhooks_takes_one_of_each_header_and_any_live_signature() {
    let source =
        source("kind = \"standard-webhooks\"\nsecrets = [\"whsec_bmV3LXNlY3JldA==\", \"b2xkLXNlY3JldA==\"]");
    let signer = standardwebhooks::Webhook::from_bytes(b"old-secret".to_vec()).unwrap();
    let body = br#"{"type":"ping"}"#;
    let good = signer.sign("msg_1", NOW, body).unwrap();
    let id = ("webhook-id", "msg_1");
    let at = ("webhook-timestamp", "1700000000");
    let read = |pairs: &[(&str, &str)]| verify(&source, pairs, body, NOW);
    assert_eq!(read(&[id, at, ("webhook-signature", &good)]), Ok(()));
    let rotating = format!("v1a,aGVsbG8= v1,{} {good}", "A".repeat(44));
    assert_eq!(read(&[id, at, ("webhook-signature", &rotating)]), Ok(()));
    let asymmetric = good.replace("v1,", "v1a,");
    assert_eq!(read(&[id, at, ("webhook-signature", &asymmetric)]), Err(Refusal::Malformed));
    assert_eq!(read(&[("webhook-id", "msg_2"), at, ("webhook-signature", &good)]), Err(Refusal::Mismatch));
    assert_eq!(read(&[id, id, at, ("webhook-signature", &good)]), Err(Refusal::Ambiguous));
    assert_eq!(read(&[id, at, at, ("webhook-signature", &good)]), Err(Refusal::Ambiguous));
    let twice = [id, at, ("webhook-signature", &good), ("webhook-signature", &good)];
    assert_eq!(read(&twice), Err(Refusal::Ambiguous));
    assert_eq!(read(&[at, ("webhook-signature", &good)]), Err(Refusal::Missing));
    assert_eq!(read(&[id, ("webhook-signature", &good)]), Err(Refusal::Missing));
    assert_eq!(read(&[id, at]), Err(Refusal::Missing));
    let mixed = [("svix-id", "msg_1"), at, ("webhook-signature", good.as_str())];
    assert_eq!(read(&mixed), Err(Refusal::Missing));
    // An unsigned family beside the signed one changes nothing.
    let both = [id, at, ("webhook-signature", good.as_str()), ("svix-id", "other")];
    assert_eq!(read(&both), Ok(()));
}

#[test]
fn what_we_sign_others_accept() {
    let source = source("kind = \"standard-webhooks\"\nsecrets = [\"whsec_bmV3LXNlY3JldA==\"]");
    let now = Timestamp::now();
    let signed = source.sign(BODY, now);
    let map: std::collections::HashMap<_, _> = signed.iter().cloned().collect();
    let mut headers = http::HeaderMap::new();
    for (name, value) in &map {
        headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let theirs = standardwebhooks::Webhook::new("whsec_bmV3LXNlY3JldA==").unwrap();
    let expected = theirs.sign(&map["webhook-id"], now.as_second(), br#"{"a":1}"#).unwrap();
    let again = source.sign_as(&map["webhook-id"], br#"{"a":1}"#, now);
    assert!(again.contains(&("webhook-signature".to_owned(), expected)));
    assert_ne!(source.sign(BODY, now)[0], source.sign(b"x", now)[0], "each is a delivery of its own");
}

#[test]
fn every_scheme_accepts_what_it_signs_and_nothing_else() {
    let schemes = [
        r#"scheme = "hmac-sha1", header = "x-sig", secrets = ["a"]"#,
        r#"scheme = "hmac-sha256", header = "x-sig", prefix = "p=", separator = ";", secrets = ["a", "b"]"#,
        r#"scheme = "hmac-sha512", header = "x-sig", encoding = "base64url", secrets = ["a"]"#,
        r#"scheme = "hmac-sha256", header = "x-sig", timestamp = { header = "x-t", unit = "ms" }, secrets = ["a"]"#,
        r#"scheme = "hmac-sha256", header = "x-sig", signed = "{{ headers['x-n'] }}{{body}}", secrets = ["a"]"#,
        r#"scheme = "stripe", secrets = ["a"]"#,
        r#"scheme = "shopify", secrets = ["a"]"#,
        r#"scheme = "bearer", secrets = ["a"]"#,
        r#"scheme = "basic", secrets = ["a:b"]"#,
    ];
    let now = Timestamp::from_second(NOW).unwrap();
    for scheme in schemes {
        let source = okr(scheme);
        let signed = source.sign(BODY, now);
        let pairs: Vec<(&str, &str)> =
            signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(verify(&source, &pairs, BODY, NOW), Ok(()), "{scheme}");
        let other =
            okr(&scheme.replace("\"a\"", "\"c\"").replace("\"a:b\"", "\"a:c\"").replace(", \"b\"", ""));
        assert_eq!(verify(&other, &pairs, BODY, NOW), Err(Refusal::Mismatch), "{scheme}");
    }
}
