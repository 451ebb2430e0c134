use bytes::Bytes;

use super::*;
use crate::record::{Headers, Slot};

fn record(key: Option<&'static str>) -> InRecord {
    let mut headers = Headers::new();
    headers.push("ce_id", "e1");
    headers.push_null("odd");
    headers.push("ce_id", "e2");
    InRecord {
        slot: Slot::new("okr.events", 17),
        offset: 42,
        timestamp_ms: Some(1_700_000_000_000),
        key: key.map(|key| Bytes::from_static(key.as_bytes())),
        value: Some(Bytes::from_static(b"\0\0\0\0\x01value")),
        headers,
    }
}

fn origin(error: &str) -> Origin<'_> {
    let at = "2026-11-23T04:30:00Z";
    Origin { service: "notifier", target: Some("sales"), reason: "refused", error, attempts: 5, at }
}

#[test]
fn a_dead_letter_keeps_the_record_and_says_where_it_came_from_and_why() {
    let record = record(Some("acme/key_result/1"));
    let letter = letter(&record, &origin("404"), 6);
    assert_eq!(&*letter.topic, "okr.dead.notifier");
    assert_eq!((&letter.key, &letter.value), (&record.key, &record.value));
    assert_eq!(letter.partition, place::partition(b"acme/key_result/1", 6));
    let kept: Vec<_> = letter.headers.iter().take(3).collect();
    assert_eq!(kept, record.headers.iter().collect::<Vec<_>>(), "the old headers stay, in order, in front");
    let said: Vec<_> = letter.headers.iter().skip(3).map(|(name, _)| name).collect();
    assert_eq!(
        said,
        [
            "okr-original-topic",
            "okr-original-partition",
            "okr-original-offset",
            "okr-original-timestamp",
            "okr-dead-service",
            "okr-dead-target",
            "okr-dead-reason",
            "okr-dead-error",
            "okr-dead-attempts",
            "okr-dead-at",
        ]
    );
    assert_eq!(letter.headers.get_str(header::OKR_ORIGINAL_OFFSET), Some("42"));
    assert_eq!(letter.headers.get_str(header::OKR_DEAD_ATTEMPTS), Some("5"));
}

#[test]
fn a_letter_without_a_key_goes_to_the_original_partition_modulo_the_count() {
    assert_eq!(letter(&record(None), &origin("x"), 6).partition, 5);
    assert_eq!(letter(&record(None), &origin("x"), 1).partition, 0);
}

#[test]
fn a_replayed_record_keeps_its_first_home() {
    let mut replayed = record(None);
    replayed.headers.push(header::OKR_ORIGINAL_TOPIC, "okr.events");
    replayed.headers.push(header::OKR_ORIGINAL_OFFSET, "7");
    replayed.slot = Slot::new("okr.replay.notifier", 0);
    let letter = letter(&replayed, &origin("x"), 6);
    assert_eq!(letter.headers.get_str(header::OKR_ORIGINAL_OFFSET), Some("7"));
    assert_eq!(letter.headers.get_str(header::OKR_ORIGINAL_TOPIC), Some("okr.events"));
}

#[test]
fn a_record_that_never_was_in_kafka_has_no_original() {
    let fresh = InRecord { offset: -1, ..record(None) };
    assert!(!letter(&fresh, &origin("x"), 6).headers.has(header::OKR_ORIGINAL_TOPIC));
}

#[test]
fn a_long_error_is_cut_between_characters() {
    let error = "ü".repeat(1_000);
    let letter = letter(&record(None), &origin(&error), 6);
    let kept = letter.headers.get_str(header::OKR_DEAD_ERROR).unwrap();
    assert_eq!(kept.len(), 1024);
}
