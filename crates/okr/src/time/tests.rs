//! Times in text and in numbers, and the event around them.

use serde_json::json;

use crate::{Change, Cycle, OkrEvent, Status, SubjectType, sample};

#[test]
fn an_event_survives_json() {
    for event in [sample::full(), sample::bare()] {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<OkrEvent>(&json).unwrap(), event);
    }
}

#[test]
fn json_shows_times_as_people_write_them_and_types_as_words() {
    let json = serde_json::to_value(sample::full()).unwrap();
    assert_eq!(json["occurred_at"], "2026-03-02T09:30:00.25Z");
    assert_eq!(json["cycle"], json!({"name": "2026 Q1", "start": "2026-01-01", "end": "2026-03-31"}));
    assert_eq!(json["subject"]["type"], "key_result");
    assert_eq!(json["event_id"].as_str().map(str::len), Some(36));
}

#[test]
fn what_is_finer_than_a_microsecond_is_cut_off_so_that_json_and_avro_agree() {
    let mut event = sample::full();
    event.occurred_at = "2026-03-02T09:30:00.123456789Z".parse().unwrap();
    assert_eq!(serde_json::to_value(&event).unwrap()["occurred_at"], "2026-03-02T09:30:00.123456Z");
    let read = |text: &str| {
        let mut json = serde_json::to_value(sample::full()).unwrap();
        json["occurred_at"] = json!(text);
        serde_json::from_value::<OkrEvent>(json).map(|event| event.occurred_at)
    };
    assert_eq!(
        read("2026-03-02T10:30:00.1234569+01:00").unwrap(),
        "2026-03-02T09:30:00.123456Z".parse().unwrap()
    );
    assert!(read("yesterday").is_err());
}

#[test]
fn times_and_days_are_read_from_numbers_too() {
    let cycle: Cycle = serde_json::from_value(json!({"name": null, "start": 0, "end": -1})).unwrap();
    assert_eq!(cycle.start, Some("1970-01-01".parse().unwrap()));
    assert_eq!(cycle.end, Some("1969-12-31".parse().unwrap()));
    assert!(serde_json::from_value::<Cycle>(json!({"start": i64::MAX})).is_err());
    assert_eq!(serde_json::from_value::<Cycle>(json!({})).unwrap(), Cycle::default());
}

#[test]
fn every_word_of_an_enum_is_the_word_in_json() {
    for change in Change::ALL {
        assert_eq!(serde_json::to_value(change).unwrap(), change.as_str());
        assert_eq!(Change::parse(change.as_str()), Some(change));
    }
    for status in Status::ALL {
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        assert_eq!(Status::parse(status.as_str()), Some(status));
    }
    for kind in SubjectType::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        assert_eq!(SubjectType::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(Change::parse("CheckedIn"), None);
}
