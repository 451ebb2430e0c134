//! Computed names: fixed for ever, and different for different things.

use proptest::prelude::*;

use super::*;
use crate::{Change, SubjectType, sample};

#[test]
fn an_event_id_is_what_any_other_program_computes_from_the_same_four_things() {
    let check = |namespace, identity, key, nth, expected: &str| {
        assert_eq!(event_id(namespace, identity, key, nth).to_string(), expected);
    };
    // Computed with Python's uuid and hashlib.
    check("acme", "msg_1", "acme/key_result/kr-7", 0, "a47b686c-d5e9-505a-aba3-5881cd4234e7");
    check("acme", "msg_1", "acme/key_result/kr-7", 1, "80116e74-4f61-54d2-a658-071b3545282e");
    check("ß", "", "", 0, "2b957876-0159-5f1d-974f-e0c70121f630");
}

#[test]
fn moving_a_character_from_one_part_to_the_next_makes_another_id() {
    assert_ne!(event_id("a", "bc", "d", 0), event_id("ab", "c", "d", 0));
    assert_ne!(event_id("a", "", "b", 0), event_id("a", "b", "", 0));
}

#[test]
fn a_subject_key_is_namespace_type_and_id() {
    assert_eq!(subject_key(&sample::full().subject), "acme/key_result/kr-7");
}

#[test]
fn a_slash_in_the_namespace_does_not_let_two_subjects_share_a_key() {
    let subject = |namespace: &str, id: &str| Subject {
        kind: SubjectType::Custom,
        namespace: namespace.to_owned(),
        id: id.to_owned(),
        ..sample::bare().subject
    };
    assert_eq!(subject_key(&subject("a", "custom/x")), "a/custom/custom/x");
    assert_eq!(subject_key(&subject("a/custom", "x")), "a%2Fcustom/custom/x");
    assert_eq!(subject_key(&subject("a%2Fcustom", "x")), "a%252Fcustom/custom/x");
}

#[test]
fn the_type_of_an_event_names_subject_and_change() {
    let mut event = sample::full();
    assert_eq!(ce_type(&event), "okr.key_result.checked_in");
    (event.subject.kind, event.change) = (SubjectType::Objective, Change::Unknown);
    assert_eq!(ce_type(&event), "okr.objective.unknown");
    for (kind, change) in
        SubjectType::ALL.into_iter().flat_map(|kind| Change::ALL.map(|change| (kind, change)))
    {
        (event.subject.kind, event.change) = (kind, change);
        assert_eq!(ce_type(&event), format!("okr.{}.{}", kind.as_str(), change.as_str()));
    }
}

proptest! {
    #[test]
    fn two_different_tuples_never_share_an_id(
        one in ("[a/%]{0,3}", "[a/]{0,3}", "[a/]{0,3}", 0u32..3),
        other in ("[a/%]{0,3}", "[a/]{0,3}", "[a/]{0,3}", 0u32..3),
    ) {
        let id = |(namespace, identity, key, nth): &(String, String, String, u32)| event_id(namespace, identity, key, *nth);
        prop_assert_eq!(id(&one) == id(&other), one == other);
    }

    #[test]
    fn two_different_subjects_never_share_a_key(
        one in ("[a/%]{0,4}", 0usize..4, "[a/%]{0,4}"),
        other in ("[a/%]{0,4}", 0usize..4, "[a/%]{0,4}"),
    ) {
        let key = |(namespace, kind, id): &(String, usize, String)| subject_key(&Subject {
            kind: SubjectType::ALL[*kind],
            namespace: namespace.clone(),
            id: id.clone(),
            ..sample::bare().subject
        });
        prop_assert_eq!(key(&one) == key(&other), one == other);
    }
}
