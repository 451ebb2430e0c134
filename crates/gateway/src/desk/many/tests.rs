//! Parcels of one batch beside each other.

use okr::OkrEvent;
use tokio::time::Instant;

use super::*;
use crate::{original::Original, trail::Trail};

fn parcel((key, content, understood): (&str, u8, bool)) -> Parcel {
    let original = Original {
        source: "open".to_owned(),
        kind: "okr",
        delivery_id: String::new(),
        received_at: jiff::Timestamp::UNIX_EPOCH,
        headers: Vec::new(),
        body: bytes::Bytes::new(),
    };
    let held = Held { reason: "not_json", error: String::new() };
    let events: Result<Vec<OkrEvent>, Held> = if understood { Ok(Vec::new()) } else { Err(held) };
    let key = bytes::Bytes::from(key.to_owned());
    let (trail, deadline) = (Trail::default(), Instant::now());
    Parcel { key, fingerprint: content.into(), original, events, dues: Vec::new(), trail, deadline }
}

/// `own`, `other`, or the place of the one that it repeats.
#[track_caller]
fn check(parcels: &[(&str, u8, bool)], expected: &[&str]) {
    let parcels: Vec<Parcel> = parcels.iter().copied().map(parcel).collect();
    let words = places(&parcels).into_iter().map(|place| match place {
        Place::Own => "own".to_owned(),
        Place::Other => "other".to_owned(),
        Place::Repeat { of } => of.to_string(),
    });
    assert_eq!(words.collect::<Vec<_>>(), expected);
}

#[test]
fn one_of_each_identity_asks_the_window() {
    check(&[("a", 1, true), ("b", 1, true)], &["own", "own"]);
    check(&[("a", 1, true), ("a", 1, true), ("b", 1, true), ("a", 1, true)], &["own", "0", "own", "0"]);
    check(&[("a", 1, true), ("a", 2, true), ("a", 2, true)], &["own", "other", "other"]);
    // What is not understood does not occupy its identity.
    check(&[("a", 1, false), ("a", 2, true), ("a", 3, true)], &["other", "own", "other"]);
    check(&[("a", 1, false), ("a", 1, false), ("a", 2, false)], &["own", "0", "other"]);
    check(&[], &[]);
}
