use super::*;
use crate::tests::history::bare;

fn listing(namespace: Option<&str>, words: &[&str], mentions: bool) -> Erasures {
    let mut list = Erasures::default();
    for word in words {
        let salt = list.salt();
        listed(salt, namespace, word, mentions).iter().for_each(|erasure| list.add(erasure));
    }
    list
}

fn list(namespace: Option<&str>, words: &[&str]) -> Erasures {
    listing(namespace, words, false)
}

fn dana() -> Option<Person> {
    let word = |text: &str| Some(text.to_owned());
    Some(Person { id: word("u7"), name: word("Dana Ng"), email: word("Dana@Example.com ") })
}

fn event() -> OkrEvent {
    let mut event = bare("kr", 1, 0);
    (event.owner, event.manager) = (dana(), Some(Person { name: Some("Max".into()), ..Person::default() }));
    event.note = Some("Dana Ng is on leave".into());
    event.attributes = [("by", "dana ng"), ("room", "7")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    event
}

#[test]
fn any_word_of_a_person_takes_the_whole_person_and_what_they_wrote() {
    for word in [" dana@example.COM", "U7", "dana  ng", "Dana Ng <dana@example.com>"] {
        let (list, mut event) = (list(None, &[word]), event());
        let gone = list.erase(&mut event);
        assert!(gone.owner && gone.note && !gone.manager && !gone.actor, "{word}: {gone:?}");
        assert_eq!((event.owner, event.note), (None, None));
        assert_eq!(event.manager.and_then(|max| max.name).as_deref(), Some("Max"));
        assert_eq!(gone.attributes, word == "dana  ng");
        assert!(event.attributes.contains_key("room"));
    }
}

#[test]
fn what_another_wrote_stays_and_a_second_time_changes_nothing() {
    let list = list(None, &["dana@example.com"]);
    let mut event = OkrEvent { actor: Some("Max".into()), ..event() };
    assert!(list.erase(&mut event).owner);
    assert_eq!(event.note.as_deref(), Some("Dana Ng is on leave"));
    let once = event.clone();
    assert!(!list.erase(&mut event).anything());
    assert_eq!(event, once);
}

#[test]
fn an_actor_goes_with_the_note() {
    let mut event = OkrEvent { actor: Some("DANA NG".into()), owner: None, ..event() };
    let gone = list(None, &["Dana Ng"]).erase(&mut event);
    assert!(gone.actor && gone.note);
    assert_eq!((event.actor, event.note), (None, None));
}

/// An event whose every field that may go says this.
fn saying(text: &str) -> OkrEvent {
    let person = || Some(Person { name: Some(text.to_owned()), ..Person::default() });
    let attributes = [("x".to_owned(), text.to_owned())].into();
    let note = Some(text.to_owned());
    OkrEvent { owner: person(), manager: person(), actor: note.clone(), note, attributes, ..bare("kr", 1, 0) }
}

#[track_caller]
fn check(list: &Erasures, text: &str, expected: bool) {
    let (mut event, as_key) = (saying(text), [(text.to_owned(), String::new())].into());
    let mut keyed = OkrEvent { attributes: as_key, ..bare("kr", 1, 0) };
    let gone = list.erase(&mut event);
    assert_eq!([gone.owner, gone.manager, gone.actor, gone.note, gone.attributes], [expected; 5], "{text}");
    assert_eq!(list.erase(&mut keyed).attributes, expected, "{text} as a key");
    // A commit does the same.
    let slot = bus::Slot::new("okr.events", 0);
    let entries =
        [saying(text), saying("nobody"), saying(text)].map(|it| Entry::at(it, slot.clone(), 0).unwrap());
    let covered = list.cover(&entries);
    let left = if expected { bare("kr", 1, 0) } else { saying(text) };
    assert_eq!([&covered[0].event, &covered[2].event], [&left; 2], "{text}");
    assert_eq!(covered[1].event, saying("nobody"));
}

#[test]
fn an_address_is_found_wherever_it_stands() {
    let list = list(None, &["ada@example.org"]);
    for text in [
        "Ada <Ada@Example.ORG>",
        "please ask ada@example.org, she knows",
        "https://tool.example/users?mail=ada%40example.org&x=1",
        "mailto:ada@example.org",
        r#"{"by":{"people":[{"mail":"ada@example.org"}]}}"#,
        r#"{"ada@example.org":true}"#,
        r#"[["\u0061da\u0040example.org"]]"#,
        "ada\u{ff20}example.org",
    ] {
        check(&list, text, true);
    }
    for text in ["m.ada@example.org", "ada@example.org.uk", "ada@example.or", "Ada", "ada at example.org"] {
        check(&list, text, false);
    }
}

#[test]
fn a_name_within_a_text_is_left_unless_texts_are_meant() {
    let texts = ["ask ZOE\u{308}  ng's team", "(Zo\u{eb}-Ng)", r#"{"a":[{"b":"met zo\u00eb ng"}]}"#];
    for mentions in [false, true] {
        let list = listing(None, &["Zo\u{eb} Ng"], mentions);
        texts.iter().for_each(|text| check(&list, text, mentions));
        check(&list, "zoe\u{308} NG", true);
        check(&list, r#"{"a":[{"b":"Zo\u00eb Ng"}]}"#, true);
        check(&list, "zo\u{eb} ngo", false);
    }
    check(&listing(None, &["7"], true), "run 17 of u7", false);
    check(&listing(None, &["4711"], false), r#"{"assignee":{"id":4711}}"#, true);
    check(&listing(None, &["\u{91d1}\u{54f2}"], true), "\u{91d1}\u{54f2}\u{3055}\u{3093}", true);
}

#[test]
fn a_word_of_one_namespace_says_nothing_in_another() {
    for (words, mentions) in [(["u7"], false), (["Dana Ng"], true), (["dana@example.com"], false)] {
        let list = listing(Some("acme"), &words, mentions);
        let said = OkrEvent { note: Some("dana ng: dana@example.com u7".into()), ..event() };
        let mut other = said.clone();
        other.subject.namespace = "elsewhere".into();
        assert!(!list.erase(&mut other).anything());
        assert!(list.erase(&mut said.clone()).owner);
        let mut told = OkrEvent { owner: None, ..said };
        assert_eq!(list.erase(&mut told).note, words != ["u7"]);
    }
}

#[test]
fn nobody_is_meant_by_nothing() {
    let mut event = OkrEvent { actor: Some("  ".into()), owner: None, ..event() };
    assert!(!listing(None, &["", "  ", "--"], true).erase(&mut event).anything());
}

#[test]
fn an_event_whose_text_was_given_up_comes_without() {
    let (mut list, mut event) = (Erasures::default(), event());
    let salt = list.salt();
    list.add(&Erasure { token: text(&salt, event.event_id.0), salt, kind: Kind::Text });
    let gone = list.erase(&mut event);
    assert!(gone.note && gone.attributes && !gone.owner && event.attributes.is_empty(), "{gone:?}");
}

#[test]
fn a_list_is_told_by_its_rows() {
    let mut list = listing(None, &["Dana Ng", "u7"], true);
    listed([7; 32], Some("acme"), "Max", true).iter().for_each(|erasure| list.add(erasure));
    list.add(&Erasure { token: [1; 32], salt: [7; 32], kind: Kind::Text });
    let (rows, mut copy) = (list.rows(), Erasures::default());
    assert_eq!(rows.len(), 7);
    rows.iter().for_each(|row| copy.add(&Erasure::parse(&row.line()).unwrap()));
    assert_eq!(copy, list);
    for odd in ["", "mention", "mention:0", "mention:17", "mention:x", "people"] {
        assert_eq!(Kind::of(odd), None);
    }
    let line = rows[0].line();
    for (from, to) in [("person", "people"), ("\"salt\"", "\"sand\""), ("{", "")] {
        assert!(Erasure::parse(&line.replace(from, to)).is_err());
    }
    let short = Erasure::parse(&line.replace(&hex::encode(rows[0].salt), "00")).unwrap_err();
    assert!(short.contains("salt is not 32 bytes"), "{short}");
}
