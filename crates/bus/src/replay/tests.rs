use bytes::Bytes;

use super::*;
use crate::{dead, record::Slot};

fn record(key: Option<&'static str>) -> InRecord {
    let mut headers = Headers::new();
    headers.push("ce_id", "e1");
    headers.push_null("odd");
    InRecord {
        slot: Slot::new("okr.events", 17),
        offset: 42,
        timestamp_ms: Some(1_700_000_000_000),
        key: key.map(|key| Bytes::from_static(key.as_bytes())),
        value: Some(Bytes::from_static(b"\0\0\0\0\x01value")),
        headers,
    }
}

fn died(record: &InRecord, target: Option<&str>) -> InRecord {
    let (reason, error, at) = ("refused", "404", "2026-11-23T04:30:00Z");
    let origin = dead::Origin { service: "notifier", target, reason, error, attempts: 5, at };
    let letter = dead::letter(record, &origin, 6);
    InRecord {
        slot: Slot { topic: letter.topic, partition: letter.partition },
        offset: 3,
        timestamp_ms: None,
        key: letter.key,
        value: letter.value,
        headers: letter.headers,
    }
}

fn names(headers: &Headers) -> Vec<&str> {
    headers.iter().map(|(name, _)| name).collect()
}

const ORIGINAL: [&str; 4] =
    ["okr-original-topic", "okr-original-partition", "okr-original-offset", "okr-original-timestamp"];

#[test]
fn a_redriven_letter_is_the_record_again_and_says_which_run_brings_it_to_whom() {
    let record = record(Some("acme/key_result/1"));
    let again = of_letter(&died(&record, Some("sales")), "notifier", "run-1", 6);
    assert_eq!(&*again.topic, "okr.replay.notifier");
    assert_eq!((&again.key, &again.value), (&record.key, &record.value));
    assert_eq!(again.partition, place::partition(b"acme/key_result/1", 6));
    let expected =
        [["ce_id", "odd"].as_slice(), &ORIGINAL, &["okr-dead-target", "okr-replay-id", "okr-replay-mode"]];
    assert_eq!(names(&again.headers), expected.concat());
    assert_eq!(again.headers.get_str(header::OKR_DEAD_TARGET), Some("sales"));
    assert_eq!(again.headers.get_str(header::OKR_REPLAY_ID), Some("run-1"));
}

#[test]
fn a_letter_of_the_record_itself_names_no_target() {
    let again = of_letter(&died(&record(None), None), "notifier", "run-1", 6);
    assert!(!again.headers.has(header::OKR_DEAD_TARGET));
    assert_eq!(again.partition, 5, "without a key the original partition modulo the count");
}

#[test]
fn coming_back_again_and_again_adds_no_header() {
    let mut letter = died(&record(None), Some("sales"));
    let first = of_letter(&letter, "notifier", "run-1", 6);
    for run in 2..5 {
        let again = of_letter(&letter, "notifier", &format!("run-{run}"), 6);
        assert_eq!(names(&again.headers), names(&first.headers));
        let replayed = InRecord { headers: again.headers, slot: Slot::new(again.topic, 0), ..letter };
        letter = died(&replayed, Some("sales"));
        assert_eq!(letter.headers.get_str(header::OKR_ORIGINAL_TOPIC), Some("okr.events"));
    }
}

#[test]
fn a_record_that_fails_earlier_than_before_is_still_for_its_target() {
    let again = of_letter(&died(&record(None), Some("sales")), "notifier", "run-1", 6);
    let replayed = InRecord { headers: again.headers, ..record(None) };
    let letter = died(&replayed, None);
    assert_eq!(letter.headers.get_str(header::OKR_DEAD_TARGET), Some("sales"));
}

#[test]
fn a_replay_topic_takes_whatever_its_dead_letters_hold() {
    let bytes = |name: &str| crate::topic(name).unwrap().max_message_bytes;
    assert!(bytes("okr.replay.notifier") >= bytes("okr.dead.notifier"));
}
