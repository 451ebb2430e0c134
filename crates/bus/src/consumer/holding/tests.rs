use bytes::Bytes;

use super::*;
use crate::record::{Headers, Slot};

fn record(partition: i32, bytes: usize) -> InRecord {
    InRecord {
        slot: Slot::new("t", partition),
        offset: 0,
        timestamp_ms: None,
        key: None,
        value: Some(Bytes::from(vec![0; bytes])),
        headers: Headers::new(),
    }
}

#[test]
fn it_is_full_by_bytes_and_low_only_once_most_are_gone() {
    let mut holding = Holding::new(100);
    holding.push(record(0, 60));
    assert!(!holding.is_full());
    holding.push(record(1, 40));
    assert!(holding.is_full());
    assert!(holding.pop().is_some_and(|first| first.slot.partition == 0));
    assert!(!holding.is_full() && !holding.is_low());
    assert!(holding.pop().is_some());
    assert!(holding.is_low() && holding.is_empty() && holding.pop().is_none());
}

#[test]
fn it_is_full_by_records_however_small() {
    let mut holding = Holding::new(usize::MAX);
    (0..RECORDS_MAX).for_each(|_| holding.push(record(0, 0)));
    assert!(holding.is_full());
}

#[test]
fn what_is_dropped_no_longer_weighs() {
    let mut holding = Holding::new(100);
    holding.push(record(0, 90));
    holding.push(record(1, 10));
    holding.retain(|record| record.slot.partition == 1);
    assert!(!holding.is_full() && holding.is_low());
    assert!(holding.pop().is_some_and(|left| left.slot.partition == 1));
}
