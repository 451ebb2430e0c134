//! How letters are counted and shown.

use serde_json::json;

use super::*;
use crate::ops::dead::{
    groups::Groups,
    marks::State,
    show::{page, shown},
};

#[test]
fn letters_are_counted_by_what_they_have_in_common() {
    let mut groups = Groups::default();
    groups.add(&refused(0, 1), State::Open);
    groups.add(&refused(3, 17), State::Redriven("a"));
    groups.add(&poison(0, 2), State::Open);
    assert_eq!((groups.letters(), groups.redriven()), (3, 1));
    assert_eq!(groups.targets().into_iter().collect::<Vec<_>>(), [("sales-slack", 2)]);
    let expected = json!([
        { "service": "notifier", "target": null, "reason": "frame", "department": null, "letters": 1,
          "redriven": 0, "dropped": 0, "oldest": NOON, "newest": NOON },
        { "service": "notifier", "target": "sales-slack", "reason": "no_service", "department": "sales",
          "letters": 2, "redriven": 1, "dropped": 0, "oldest": NOON, "newest": NOON },
    ]);
    assert_eq!(groups.json(), expected);
    let table = groups.table();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("SERVICE   TARGET       REASON"), "{table}");
    assert!(lines[2].contains("sales-slack  no_service  sales"), "{table}");
    assert_eq!(Groups::default().table(), "");
}

#[test]
fn a_letter_is_shown_with_its_value_or_with_why_it_has_none() {
    let record = record(3, 17, &[("okr-dead-reason", "frame")]);
    let letter = Letter::of(&record);
    let good = shown(&record, &letter, State::Open, &Ok(json!({ "title": "Win 10" })));
    assert_eq!((&good["letter"], &good["state"]), (&json!("okr.dead.notifier/3@17"), &json!("open")));
    assert_eq!(good["value"]["title"], "Win 10");
    let bad = shown(&record, &letter, State::Dropped("a"), &Err("value is in no frame".to_owned()));
    assert_eq!(
        (&bad["undecoded"], &bad["value_begins"]),
        (&json!("value is in no frame"), &json!("76616c7565"))
    );
    assert_eq!((&bad["value"], &bad["run"]), (&json!(null), &json!("a")));
    let text = page(&bad);
    assert!(text.starts_with("okr.dead.notifier/3@17\n"), "{text}");
    assert!(text.contains("  undecoded: value is in no frame\n"), "{text}");
    assert!(!text.contains("headers"), "{text}");
}
