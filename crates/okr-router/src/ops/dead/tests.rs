//! Which letters are meant, what became of them, and how they are shown.

mod filter;
mod marks;
mod shown;

use bus::{Headers, InRecord, Slot};

use super::letter::Letter;
use crate::cli::dead::Which;

/// A moment in all tests.
const NOON: &str = "2026-11-23T12:00:00Z";

fn record(partition: i32, offset: i64, headers: &[(&str, &str)]) -> InRecord {
    InRecord {
        slot: Slot::new("okr.dead.notifier", partition),
        offset,
        timestamp_ms: Some(0),
        key: Some("acme/key_result/1".into()),
        value: Some("value".into()),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned().into())))
            .collect::<Headers>(),
    }
}

/// A letter that sales-slack refused at noon.
fn refused(partition: i32, offset: i64) -> Letter {
    let headers = [
        ("okr-department", "sales"),
        ("okr-original-topic", "okr.events"),
        ("okr-original-partition", "4"),
        ("okr-original-offset", "99"),
        ("okr-dead-service", "notifier"),
        ("okr-dead-target", "sales-slack"),
        ("okr-dead-reason", "no_service"),
        ("okr-dead-error", "404 no_service"),
        ("okr-dead-attempts", "1"),
        ("okr-dead-at", NOON),
    ];
    Letter::of(&record(partition, offset, &headers))
}

/// A letter of a record that nobody could read.
fn poison(partition: i32, offset: i64) -> Letter {
    let headers = [("okr-dead-reason", "frame"), ("okr-dead-at", NOON)];
    Letter::of(&record(partition, offset, &headers))
}

fn which() -> Which {
    Which::default()
}
