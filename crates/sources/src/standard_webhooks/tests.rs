//! The envelope around an okr body.

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use crate::{Delivery, Identity, Reading, Source, SourceConfig};

fn read_as(id: Option<&str>, body: &str) -> Reading {
    let config: SourceConfig =
        toml::from_str("kind = \"standard-webhooks\"\nsecrets = [\"whsec_YQ==\"]").unwrap();
    let source = Source::build("acme", &config).unwrap();
    let mut headers = HeaderMap::new();
    if let Some(id) = id {
        headers.insert("webhook-id", HeaderValue::from_str(id).unwrap());
    }
    let received_at = Timestamp::from_second(1_700_000_000).unwrap();
    source.read(&Delivery { headers: &headers, body: body.as_bytes(), received_at })
}

fn read(body: &str) -> Reading {
    read_as(Some("msg_1"), body)
}

#[track_caller]
fn check_held(body: &str, reason: &str) {
    let fault = read(body).events.unwrap_err();
    assert_eq!(fault.reason(), reason, "{fault}");
}

const CHECK_IN: &str = r#"{"type":"key_result.checked_in","timestamp":"2026-02-03T10:15:00Z","data":{"id":"ignored","type":"ignored","subject":{"id":"kr-1"},"progress":0.4}}"#;

#[test]
fn the_type_is_the_envelopes_and_the_delivery_the_headers() {
    let reading = read(CHECK_IN);
    assert_eq!(reading.identity, Identity::Given("msg_1".to_owned()));
    let event = reading.events.unwrap().remove(0);
    assert_eq!(okr::ce_type(&event), "okr.key_result.checked_in");
    assert_eq!(event.source.delivery_id.as_deref(), Some("msg_1"));
    assert_eq!(event.source.kind, "standard-webhooks");
    assert_eq!(event.progress, Some(0.4));
}

#[test]
fn the_envelopes_time_stands_in_for_the_events_own() {
    let at = |body: &str| read(body).events.unwrap()[0].occurred_at.to_string();
    assert_eq!(at(CHECK_IN), "2026-02-03T10:15:00Z");
    let own = CHECK_IN.replace("\"progress\"", "\"occurred_at\":\"2026-01-01T00:00:00Z\",\"progress\"");
    assert_eq!(at(&own), "2026-01-01T00:00:00Z");
    assert_eq!(at(&CHECK_IN.replace("\"timestamp\"", "\"x\"")), "2023-11-14T22:13:20Z");
    check_held(&CHECK_IN.replace("2026-02-03T10:15:00Z", "today"), "timestamp");
    check_held(&CHECK_IN.replace("\"2026-02-03T10:15:00Z\"", "1700000000"), "timestamp");
}

#[test]
fn what_is_not_about_goals_is_nothing_for_us() {
    for body in
        [r#"{"type":"contact.created","data":{"id":1}}"#, r#"{"type":"ping"}"#, r#"{"type":"a.b","data":[]}"#]
    {
        assert_eq!(read(body).events, Ok(Vec::new()), "{body}");
    }
}

#[test]
fn what_is_about_goals_and_says_too_little_is_held() {
    check_held(r#"{"type":"key_result.updated"}"#, "data");
    check_held(r#"{"type":"key_result.updated","data":null}"#, "data");
    check_held(r#"{"type":"key_result.updated","data":"x"}"#, "data");
    check_held(r#"{"type":"key_result.updated","data":{}}"#, "subject");
    check_held(r#"{"type":"key_result.updated","data":{"subject":{}}}"#, "subject.id");
    check_held(
        r#"{"type":"key_result.updated","data":{"subject":{"id":1},"subject":{"id":2}}}"#,
        "repeated_key",
    );
    check_held(r#"{"type":"a","type":"b"}"#, "repeated_key");
    check_held(r#"{"data":{"subject":{"id":1}}}"#, "type");
}

#[test]
fn the_same_content_has_the_same_fingerprint_whenever_it_is_sent() {
    let one = read(CHECK_IN);
    assert_eq!(one.fingerprint, read(&CHECK_IN.replace("10:15:00Z", "10:16:00.5Z")).fingerprint);
    assert_ne!(one.fingerprint, read(&CHECK_IN.replace("0.4", "0.5")).fingerprint);
    let id = |body: &str| read(body).events.unwrap()[0].event_id;
    assert_eq!(id(CHECK_IN), id(&CHECK_IN.replace("0.4", "0.5")));
}

#[test]
fn without_an_id_the_body_stands_for_itself() {
    assert!(matches!(read_as(None, CHECK_IN).identity, Identity::BodyHash(_)));
    assert_eq!(read_as(None, CHECK_IN), read_as(None, CHECK_IN));
}
