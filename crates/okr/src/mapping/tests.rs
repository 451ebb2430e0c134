//! What mappings take out of a delivery, and what they refuse.

use minijinja::Value;

use super::{Mapping, Root, Scope};

const ALL: &[Root] = &[Root::Body, Root::Item, Root::Headers];

fn map(fields: &[(&str, Value)]) -> Value {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect::<std::collections::BTreeMap<_, _>>()
        .into()
}

fn scope() -> Scope {
    let kr = map(&[("value", Value::from(3)), ("goal", Value::from(4.0)), ("text", Value::from("0.5"))]);
    Scope::new([
        (Root::Body, map(&[("at", Value::from(1_700_000_000)), ("name", Value::from("x"))])),
        (Root::Headers, map(&[("X-Id", Value::from("d-1"))])),
    ])
    .with(Root::Item, map(&[("kr", kr)]))
}

#[track_caller]
fn check(source: &str, expected: Option<Value>) {
    let mapping = Mapping::compile(source, ALL).unwrap();
    assert_eq!(mapping.value(&scope()), Ok(expected), "{source}");
}

#[test]
fn a_mapping_reads_body_item_and_headers() {
    check("item.kr.value / item.kr.goal", Some(Value::from(0.75)));
    check("headers['X-Id'] ~ '/' ~ body.name", Some(Value::from("d-1/x")));
    check("'checked_in' if item.kr.value > 2 else 'updated'", Some(Value::from("checked_in")));
    check("item.kr.text | float * 2", Some(Value::from(1.0)));
}

#[test]
fn whatever_touches_a_missing_value_is_missing() {
    check("body.nothing", None);
    check("body.nothing.deeper", None);
    check("item.kr.value / body.nothing", None);
    check("headers['x-other'] ~ 'x'", None);
    check("body.nothing or 'y'", None);
    check("body.a.b if has(body.a.b) else 'z'", Some(Value::from("z")));
    check("none", None);
}

#[test]
fn what_cannot_be_worked_out_is_an_error_and_not_missing() {
    for source in ["item.kr.text / 2", "body.name | float", "body.name | seconds", "1e300 | millis"] {
        assert!(Mapping::compile(source, ALL).unwrap().value(&scope()).is_err(), "{source}");
    }
}

#[test]
fn a_count_of_seconds_becomes_a_time() {
    check("body.at | seconds", Some(Value::from("2023-11-14T22:13:20Z")));
    check("'1700000000123' | millis", Some(Value::from("2023-11-14T22:13:20.123Z")));
    check("1700000000.5 | seconds", Some(Value::from("2023-11-14T22:13:20.5Z")));
}

#[test]
fn only_named_headers_are_read() {
    let headers = |source: &str| Mapping::compile(source, ALL).map(|mapping| mapping.headers());
    assert_eq!(
        headers("headers['X-Id'] ~ headers.host ~ body.headers.x"),
        Ok(vec!["X-Id".to_owned(), "host".to_owned()])
    );
    for source in ["headers[body.name]", "headers", "headers | length", "has(headers)"] {
        assert!(headers(source).unwrap_err().message.contains("named outright"), "{source}");
    }
}

#[test]
fn a_wrong_mapping_is_refused_in_words() {
    for (source, says) in [
        ("event.progress", "there is no `event` here, only `body`, `item`, `headers`"),
        ("item.a +", "syntax error"),
        ("item.a | persent", "there is no filter `persent`"),
        ("item.a is gone", "there is no test `gone`"),
        ("now()", "there is no `now` here"),
    ] {
        let error = Mapping::compile(source, ALL).unwrap_err();
        assert!(error.message.contains(says), "{error}");
    }
    assert!(Mapping::compile("item.a", &[Root::Body]).is_err());
}
