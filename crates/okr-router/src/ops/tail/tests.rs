//! Where `tail` begins, and what a line looks like.

use bus::{Headers, InRecord, ReadFrom, Slot};
use serde_json::json;

use super::{from, line};

#[track_caller]
fn check(text: &str, expected: Option<ReadFrom>) {
    let now = "2026-11-23T09:00:00Z".parse().unwrap();
    assert_eq!(from(text, now).ok(), expected, "{text}");
}

#[test]
fn it_begins_at_either_end_at_a_time_or_some_time_ago() {
    check("earliest", Some(ReadFrom::Earliest));
    check("latest", Some(ReadFrom::Latest));
    check("2026-11-23T08:45:00Z", Some(ReadFrom::Time(1_795_423_500_000)));
    check("-15m", Some(ReadFrom::Time(1_795_423_500_000)));
    check("yesterday", None);
    check("-soon", None);
}

#[test]
fn a_line_has_the_record_around_its_value() {
    let mut headers = Headers::new();
    headers.push("ce_id", "1");
    headers.push_null("empty");
    let slot = Slot::new("okr.events", 3);
    let record =
        InRecord { slot, offset: 7, timestamp_ms: Some(0), key: Some("k".into()), value: None, headers };
    let expected = json!({
        "topic": "okr.events", "partition": 3, "offset": 7, "timestamp": "1970-01-01T00:00:00Z", "key": "k",
        "headers": { "ce_id": "1", "empty": null }, "value": { "a": 1 },
    });
    assert_eq!(line(&record, json!({ "a": 1 })), expected);
}
