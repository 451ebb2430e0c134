//! What is there and what is not.

use super::*;
use crate::{Cycle, Person, sample};

/// All dotted paths of a value, attributes aside.
fn paths(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
    let Some(fields) = value.as_object() else { return };
    for (name, field) in fields {
        let path = format!("{at}.{name}");
        paths(field, &path, found);
        found.push(path);
    }
}

#[test]
fn every_field_of_an_event_may_be_named_and_no_other() {
    let mut found = Vec::new();
    paths(&serde_json::to_value(sample::full()).unwrap(), "event", &mut found);
    assert!(found.len() > 40);
    for path in found {
        assert_eq!(check_path(&path), Ok(()), "{path}");
    }
    let top = serde_json::to_value(sample::full()).unwrap();
    let mut names: Vec<&str> = top.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(EVENT, names);
}

#[test]
fn a_path_that_no_event_has_is_refused_with_the_nearest_one() {
    let check = |path: &str, expected: &str| assert_eq!(check_path(path).unwrap_err(), expected);
    check("evnt.progress", "there is no `evnt` here, only `event`");
    check("event.progres", "there is no `event.progres`, did you mean `event.progress`?");
    check("event.owner.nmae", "there is no `event.owner.nmae`, did you mean `event.owner.name`?");
    check("event.owner.favourite_colour", "there is no `event.owner.favourite_colour`, but id, name, email");
    check("event.team.name", "`event.team` has no fields");
    check("event.owner.name.first", "`event.owner.name` has no fields");
    assert_eq!(check_path("event.attributes.anything.at.all"), Ok(()));
}

#[test]
fn nulls_are_left_out_at_every_depth() {
    let mut event = sample::bare();
    event.owner = Some(Person { name: Some("Ada".to_owned()), ..Person::default() });
    event.cycle = Some(Cycle::default());
    let event = EventView::new(&event).root().get_attr("event").unwrap();
    let mut keys: Vec<String> = event.try_iter().unwrap().map(|key| key.to_string()).collect();
    keys.sort_unstable();
    let expected = [
        "change",
        "event_id",
        "occurred_at",
        "owner",
        "received_at",
        "revision",
        "source",
        "status",
        "subject",
    ];
    assert_eq!(keys, expected);
    assert_eq!(event.get_attr("owner").unwrap().len(), Some(1));
}
