//! CloudEvents in their three modes, and their handshake.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;

use crate::{Delivery, Identity, Reading, Source, SourceConfig};

const BINARY: &[(&str, &str)] = &[
    ("content-type", "application/json"),
    ("ce-specversion", "1.0"),
    ("ce-id", "e-1"),
    ("ce-source", "/goals/eu"),
    ("ce-type", "com.example.okr.key_result.checked_in"),
    ("ce-time", "2026-02-03T10:15:00Z"),
];
const DATA: &str = r#"{"subject":{"id":"kr-1"},"progress":0.4}"#;

fn source() -> Source {
    let config: SourceConfig =
        toml::from_str("kind = \"cloudevents\"\nverify = { scheme = \"bearer\", secrets = [\"s\"] }")
            .unwrap();
    Source::build("grid", &config).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn read(pairs: &[(&str, &str)], body: &str) -> Reading {
    let received_at = Timestamp::from_second(1_800_000_000).unwrap();
    source().read(&Delivery { headers: &headers(pairs), body: body.as_bytes(), received_at })
}

fn event(id: &str, kind: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/goals/eu","type":"{kind}","time":"2026-02-03T10:15:00Z","sequence":"7","data":{data}}}"#
    )
}

fn structured(body: &str) -> Reading {
    read(&[("content-type", "application/cloudevents+json; charset=utf-8")], body)
}

fn batch(body: &str) -> Reading {
    read(&[("content-type", "application/cloudevents-batch+json")], body)
}

#[test]
fn one_event_is_the_same_in_every_mode() {
    let kind = "com.example.okr.key_result.checked_in";
    let whole = structured(&event("e-1", kind, DATA));
    assert_eq!(whole.identity, Identity::Given("/goals/eu e-1".to_owned()));
    let alone = whole.events.unwrap().remove(0);
    assert_eq!(okr::ce_type(&alone), "okr.key_result.checked_in");
    assert_eq!((alone.progress, alone.source.sequence), (Some(0.4), Some(7)));
    assert_eq!(alone.occurred_at.to_string(), "2026-02-03T10:15:00Z");
    let mut pairs = BINARY.to_vec();
    pairs.push(("ce-sequence", "7"));
    let binary = read(&pairs, DATA);
    assert_eq!((&binary.identity, binary.fingerprint), (&whole.identity, whole.fingerprint));
    assert_eq!(binary.events.unwrap(), std::slice::from_ref(&alone));
    let many = batch(&format!("[{},{}]", event("e-0", kind, DATA), event("e-1", kind, DATA))).events.unwrap();
    assert_eq!(many[1], alone, "its batch is no part of it");
    assert_ne!(many[0].event_id, many[1].event_id);
}

#[test]
fn data_may_be_encoded_and_headers_are() {
    let encoded = event("e-1", "key_result.updated", "null")
        .replace("\"data\":null", "\"data_base64\":\"eyJzdWJqZWN0Ijp7ImlkIjoia3ItMSJ9fQ==\"");
    assert_eq!(structured(&encoded).events.unwrap()[0].subject.id, "kr-1");
    let bad = encoded.replace("eyJz", "!!!!");
    assert_eq!(structured(&bad).events.unwrap_err().reason(), "data_base64");
    let mut pairs = BINARY.to_vec();
    pairs[2].1 = "e%201%C3%A9";
    assert_eq!(read(&pairs, DATA).identity.text(), "/goals/eu e 1é");
    for broken in ["e%2", "e%zz", "e%ff"] {
        pairs[2].1 = broken;
        assert_eq!(read(&pairs, DATA).events.unwrap_err().reason(), "ce-id", "{broken}");
    }
    let twice = [BINARY, &[("ce-id", "e-2")]].concat();
    assert_eq!(read(&twice, DATA).events.unwrap_err().reason(), "ce-id", "nobody knows which one is meant");
}

#[test]
fn the_type_is_the_envelopes_or_the_datas() {
    for kind in ["key_result.updated", "okr.key_result.updated", "a.b.c.key_result.updated"] {
        assert_eq!(
            okr::ce_type(&structured(&event("1", kind, DATA)).events.unwrap()[0]),
            "okr.key_result.updated"
        );
    }
    let typed = DATA.replacen('{', r#"{"type":"objective.closed","#, 1);
    assert_eq!(
        okr::ce_type(&structured(&event("1", "com.example.goal.v1", &typed)).events.unwrap()[0]),
        "okr.objective.closed"
    );
    for data in [DATA, "null", "\"<xml/>\"", "[1]"] {
        assert_eq!(
            structured(&event("1", "com.example.blob.created", data)).events,
            Ok(Vec::new()),
            "{data}"
        );
    }
}

#[test]
fn what_says_too_little_is_held() {
    let kind = "key_result.updated";
    let reason = |body: &str| structured(body).events.unwrap_err().reason();
    assert_eq!(reason(&event("1", kind, "null")), "data");
    assert_eq!(reason(&event("1", kind, "[]")), "not_object");
    assert_eq!(reason(&event("1", kind, "{}")), "subject");
    assert_eq!(reason(&event("", kind, DATA)), "id");
    assert_eq!(reason(&event("1", kind, DATA).replace("1.0", "0.3")), "specversion");
    assert_eq!(reason(&event("1", kind, DATA).replace("10:15:00Z", "noon")), "time");
    for at in 1..6 {
        let mut pairs = BINARY.to_vec();
        let (name, _) = pairs.remove(at);
        let read = read(&pairs, DATA).events;
        assert!(if name == "ce-time" { read.is_ok() } else { read.unwrap_err().reason() == name }, "{name}");
    }
    assert_eq!(read(BINARY, "").events.unwrap_err().reason(), "data");
}

#[test]
fn a_batch_is_taken_whole_or_held_whole() {
    let good = event("1", "key_result.updated", DATA);
    assert_eq!(batch("[]").events, Ok(Vec::new()));
    let fault = batch(&format!("[{good},{}]", event("2", "key_result.updated", "{}"))).events.unwrap_err();
    assert_eq!(fault.to_string(), "item 2: `subject` is missing");
    assert_eq!(batch(&good).events.unwrap_err().reason(), "body");
    assert_eq!(batch("[1]").events.unwrap_err().reason(), "not_object");
    assert_eq!(batch("[").events.unwrap_err().reason(), "not_json");
    assert_eq!(batch(&format!("[{}1]", "1,".repeat(1000))).events.unwrap_err().reason(), "body");
    assert!(matches!(batch("[]").identity, Identity::BodyHash(_)));
}

#[test]
fn an_event_that_stands_twice_in_a_batch_is_one() {
    let kind = "key_result.updated";
    let (one, two) = (event("1", kind, DATA), event("2", kind, DATA));
    let alone = structured(&one).events.unwrap().remove(0);
    let events = batch(&format!("[{one},{two},{one},{one}]")).events.unwrap();
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!((&events[0], &events[1]), (&alone, &structured(&two).events.unwrap()[0]));
    let traced = one.replacen('{', r#"{"traceparent":"00-1","#, 1);
    assert_eq!(batch(&format!("[{one},{traced}]")).events, Ok(vec![alone]));
}

#[test]
fn one_id_with_two_contents_holds_its_batch() {
    let one = event("1", "key_result.updated", DATA);
    for other in [
        one.replace("0.4", "0.5"),
        one.replace("kr-1", "kr-2"),
        one.replace("10:15", "10:16"),
        one.replace("key_result.updated", "key_result.closed"),
    ] {
        let fault = batch(&format!("[{one},{other}]")).events.unwrap_err();
        let words = "item 2: `id` stands before with another content";
        assert_eq!((fault.reason(), fault.to_string().as_str()), ("id", words), "{other}");
    }
    let elsewhere = one.replace("/goals/eu", "/goals/us");
    assert_eq!(batch(&format!("[{one},{elsewhere}]")).events.unwrap().len(), 2, "another source's id");
    let foreign = one.replace("key_result.updated", "blob.created");
    assert_eq!(
        batch(&format!("[{foreign},{one}]")).events.unwrap().len(),
        1,
        "what is not for us says nothing"
    );
}

#[test]
fn attempts_differ_in_what_does_not_count() {
    let one = event("1", "key_result.updated", DATA);
    let traced = one.replacen('{', r#"{"traceparent":"00-1","#, 1);
    assert_eq!(structured(&one).fingerprint, structured(&traced).fingerprint);
    assert_ne!(structured(&one).fingerprint, structured(&one.replace("0.4", "0.5")).fingerprint);
    assert_ne!(structured(&one).fingerprint, structured(&one.replace("10:15", "10:16")).fingerprint);
}

#[test]
fn a_sender_that_asks_is_told_yes_in_the_documented_shape_alone() {
    let greet = |method: Method, pairs: &[(&str, &str)]| source().greet(&method, &headers(pairs));
    let origin = ("webhook-request-origin", "eventemitter.example.com");
    let yes = greet(Method::OPTIONS, &[origin]).unwrap();
    assert_eq!(yes.status, 200);
    let told = |name: &str, value: &str| {
        (if name == "allow" { "allow" } else { "webhook-allowed-origin" }, value.to_owned())
    };
    assert_eq!(yes.headers, [told("allow", "POST"), told("origin", "eventemitter.example.com")]);
    let rate = greet(Method::OPTIONS, &[origin, ("webhook-request-rate", "120")]).unwrap();
    assert_eq!(rate.headers[2], ("webhook-allowed-rate", "*".to_owned()));
    assert_eq!(greet(Method::POST, &[origin]), None);
    assert_eq!(greet(Method::OPTIONS, &[]), None);
    for bad in ["", "a b", "a\tb", "<x>", &"a".repeat(254)] {
        assert_eq!(greet(Method::OPTIONS, &[("webhook-request-origin", bad)]), None, "{bad}");
    }
}
