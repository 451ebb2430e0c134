//! What a delivery becomes is bounded, however long its texts are and however often a mapping repeats them.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use crate::{Delivery, EVENT_BYTES_MAX, Source, SourceConfig, Untranslatable};

/// How many events the body becomes; the events themselves are too long to be shown.
fn read(config: &str, headers: &[(&str, &str)], body: &str) -> Result<usize, Untranslatable> {
    let config: SourceConfig = toml::from_str(config).unwrap();
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    };
    let headers: HeaderMap = headers.iter().map(pair).collect();
    let received_at = Timestamp::from_second(1_700_000_000).unwrap();
    let source = Source::build("auto", &config).unwrap();
    source
        .read(&Delivery { headers: &headers, body: body.as_bytes(), received_at })
        .events
        .map(|events| events.len())
}

fn mapped(mapping: &str, body: &str) -> Result<usize, Untranslatable> {
    read(&format!("kind = \"generic\"\nverify = {{ scheme = \"none\" }}\n{mapping}"), &[], body)
}

/// A text that stands beside a list of so many items.
fn beside(text_bytes: usize, items: usize) -> Result<usize, Untranslatable> {
    let list = vec![r#"{"id":1}"#; items].join(",");
    let body = format!(r#"{{"team":"{}","items":[{list}]}}"#, "x".repeat(text_bytes));
    let mapping = "each = \"body.items\"\n[event]\nsubject_id = \"item.id\"\ndepartment = \"body.team\"";
    mapped(mapping, &body)
}

#[test]
fn one_text_beside_many_items_is_held() {
    assert_eq!(beside(4_000, 1000), Ok(1000));
    let fault = beside(100_000, 1000).unwrap_err();
    assert_eq!(fault.reason(), "each");
    let words = "item 42: `each` makes more text than the events of one delivery may have: 4 MiB";
    assert_eq!(fault.to_string(), words);
    assert_eq!(beside(4_200, 1000).unwrap_err().reason(), "each");
}

#[test]
fn one_text_in_many_fields_is_held() {
    let body = format!(r#"{{"id":1,"text":"{}"}}"#, "x".repeat(500_000));
    let fields = |names: &[&str]| {
        let lines: String = names.iter().map(|name| format!("{name} = \"body.text\"\n")).collect();
        mapped(&format!("[event]\nsubject_id = \"body.id\"\n{lines}"), &body)
    };
    let four = ["title", "team", "note", "attributes.a"];
    assert_eq!(fields(&four), Ok(1));
    for fifth in ["owner.name", "manager.id", "cycle.name", "metric.unit", "parent_id", "url", "actor"] {
        let fault = fields(&[&four[..], &[fifth]].concat()).unwrap_err();
        assert!(fault.to_string().ends_with("makes the event longer than a record may be"), "{fault}");
    }
    let fault = mapped(
        "[event]\nsubject_id = \"body.id\"\nnote = \"body.text\"\nteam = \"body.text ~ body.text ~ body.text ~ body.text\"",
        &body,
    );
    assert_eq!(fault.unwrap_err().reason(), "team", "the longest is named");
}

#[test]
fn the_bound_is_exact_and_counts_every_text() {
    let of = |bytes: usize| {
        let body = format!(r#"{{"id":1,"text":"{}"}}"#, "x".repeat(bytes));
        let mapping = "[event]\nsubject_id = \"body.id\"\nattributes.words = \"body.text\"";
        mapped(mapping, &body)
    };
    let fixed = "1".len() + "words".len();
    assert_eq!(of(EVENT_BYTES_MAX - fixed), Ok(1));
    assert_eq!(of(EVENT_BYTES_MAX - fixed + 1).unwrap_err().reason(), "attributes");
}

#[test]
fn a_kind_that_says_one_thing_twice_is_bounded_too() {
    let push = |bytes: usize| {
        let message = "x".repeat(bytes);
        let body = format!(
            r#"{{"ref":"refs/heads/main","repository":{{"id":1,"full_name":"a/b"}},"head_commit":{{"message":"{message}"}}}}"#
        );
        let headers = [("x-github-event", "push"), ("x-github-delivery", "g")];
        read("kind = \"github\"\nsecrets = [\"a\"]", &headers, &body)
    };
    assert_eq!(push(1_000_000), Ok(1));
    assert_eq!(push(1_100_000).unwrap_err().reason(), "attributes", "the message, and its first line");
    let alone = |bytes: usize| {
        let note = "x".repeat(bytes);
        let body = format!(r#"{{"type":"custom.updated","subject":{{"id":"1"}},"note":"{note}"}}"#);
        read("kind = \"okr\"\nverify = { scheme = \"none\" }", &[], &body)
    };
    assert_eq!(alone(2_000_000), Ok(1));
    assert_eq!(alone(EVENT_BYTES_MAX).unwrap_err().reason(), "note");
}
