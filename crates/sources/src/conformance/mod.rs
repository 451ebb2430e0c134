//! What every dialect of the catalog must stand: any bytes, any headers. A new one is covered by its line there.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{Delivery, Request, Signs, Source, SourceConfig, built, catalog::Voice};

fn every(check: impl Fn(&Source)) {
    for kind in built() {
        for verify in verifications(kind) {
            let toml = format!("kind = \"{kind}\"\n{verify}\n{}", own(kind));
            check(&Source::build("probe", &toml::from_str::<SourceConfig>(&toml).unwrap()).unwrap());
        }
    }
}

/// What a kind needs beside its verification.
fn own(kind: &str) -> &'static str {
    match kind {
        "generic" => GENERIC,
        _ => "",
    }
}

/// A mapping that reads what [`BODY`] says.
const GENERIC: &str = r#"
identity = "body.id"
[event]
change = "body.type.split('.')[1]"
subject_type = "body.subject.type"
subject_id = "body.subject.id"
title = "body.subject.title"
occurred_at = "body.occurred_at"
owner.id = "body.owner.id"
metric.start = "body.metric.start"
metric.target = "body.metric.target"
metric.current = "body.metric.current"
progress = "body.progress"
confidence = "body.confidence"
status = "body.status"
cycle.start = "body.cycle.start"
attributes.a = "body.attributes.a"
"#;

fn verifications(kind: &str) -> Vec<&'static str> {
    let mut all = vec![
        r#"verify = { scheme = "hmac-sha256", header = "x-signature", prefix = "sha256=", secrets = ["s"] }"#,
        r#"verify = { scheme = "stripe", secrets = ["s"] }"#,
        r#"verify = { scheme = "basic", secrets = ["a:b"] }"#,
    ];
    let toml = format!("kind = \"{kind}\"\n{}", own(kind));
    let voice = Voice::open("sources.probe", &toml::from_str(&toml).unwrap()).unwrap();
    if voice.dialect().signs() != Signs::No {
        all.push(r#"secrets = ["whsec_c2VjcmV0"]"#);
    }
    all
}

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn header_map(pairs: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// A body that each dialect understands, so that cutting and twisting it reaches all of its code.
const BODY: &str = r#"{"id":"d-1","type":"key_result.checked_in","timestamp":"2026-02-03T10:15:00Z","occurred_at":"2026-02-03T10:15:00Z",
"subject":{"type":"key_result","id":"kr-1","title":"Größer"},"owner":{"id":5},"metric":{"start":0,"target":10,"current":"4"},
"progress":0.4,"confidence":0.5,"status":"onTrack","cycle":{"start":"2026-01-01"},"attributes":{"a":"b"},
"data":{"subject":{"id":"kr-1"},"owner":{"id":5},"metric":{"start":0,"target":10,"current":"4"},"progress":0.4}}"#;

fn read(source: &Source, body: &[u8]) {
    let headers = header_map(&[("webhook-id".to_owned(), "msg_1".to_owned())]);
    let delivery = Delivery { headers: &headers, body, received_at: now() };
    let reading = source.read(&delivery);
    assert_eq!(reading, source.read(&delivery), "a translation is a function of its input");
    assert!(!reading.identity.text().is_empty());
    for event in reading.events.into_iter().flatten() {
        assert!(!event.subject.id.is_empty());
        assert!(event.progress.is_none_or(|progress| (0.0..=6.5).contains(&progress)));
        assert!(event.confidence.is_none_or(|confidence| (0.0..=1.0).contains(&confidence)));
        assert_eq!(event.source.delivery_id.as_deref(), Some(reading.identity.text()));
    }
}

#[test]
fn what_a_source_signs_it_accepts_and_an_altered_byte_it_refuses() {
    every(|source| {
        let headers = header_map(&source.sign(BODY.as_bytes(), now()));
        let request = Request { headers: &headers, body: BODY.as_bytes(), now: now() };
        assert_eq!(source.verify(&request), Ok(()));
        let without = HeaderMap::new();
        assert!(source.verify(&Request { headers: &without, ..request }).is_err());
    });
}

#[test]
fn a_body_that_is_understood_gives_events() {
    every(|source| {
        let headers = header_map(&source.sign(BODY.as_bytes(), now()));
        let reading = source.read(&Delivery { headers: &headers, body: BODY.as_bytes(), received_at: now() });
        assert_eq!(reading.events.map(|events| events.len()), Ok(1), "{}", source.kind());
    });
}

#[test]
fn a_body_that_ends_too_early_is_held_wherever_it_ends() {
    every(|source| {
        for end in 0..BODY.len() {
            let headers = HeaderMap::new();
            let body = &BODY.as_bytes()[..end];
            let reading = source.read(&Delivery { headers: &headers, body, received_at: now() });
            assert!(reading.events.is_err(), "{} at {end}", source.kind());
        }
    });
}

#[test]
fn any_value_in_the_place_of_another_is_read_or_held() {
    let values = [
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"\\u0000\"",
        "-1",
        "1e308",
        "1e999",
        "123456789012345678901234567890",
        "\"0.5\"",
        "\"🦀\"",
        "[[[[{}]]]]",
        "{\"id\":{\"id\":[]}}",
    ];
    let spots: Vec<usize> = BODY.match_indices(':').map(|(at, _)| at + 1).collect();
    every(|source| {
        for spot in &spots {
            for value in values {
                let rest = &BODY[*spot..];
                let end = rest.find([',', '}']).unwrap_or(rest.len());
                read(source, format!("{}{value}{}", &BODY[..*spot], &rest[end..]).as_bytes());
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_translator_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        every(|source| read(source, &body));
    }

    #[test]
    fn no_twisted_body_makes_a_translator_panic(at in 0..BODY.len(), with in "\\PC{0,6}", cut in 0..40usize) {
        let mut body = BODY.as_bytes().to_vec();
        let end = (at + cut).min(body.len());
        body.splice(at..end, with.bytes());
        every(|source| read(source, &body));
    }

    #[test]
    fn no_header_makes_a_verifier_panic_or_accept(value in "[ -~]{0,120}", stamp in "[0-9a-z=,.]{0,30}") {
        every(|source| {
            let names = ["webhook-signature", "x-signature", "authorization", "stripe-signature"];
            let mut pairs: Vec<(String, String)> = names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            pairs.push(("webhook-id".to_owned(), value.clone()));
            pairs.push(("webhook-timestamp".to_owned(), stamp.clone()));
            let headers = header_map(&pairs);
            assert!(source.verify(&Request { headers: &headers, body: b"{}", now: now() }).is_err());
        });
    }
}
