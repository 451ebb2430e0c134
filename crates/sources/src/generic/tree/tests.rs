//! Bodies as mappings see them.

use minijinja::Value;

use super::{of_form, of_json, quote_long_integers};
use crate::Untranslatable;

#[track_caller]
fn check(body: &str, path: &[&str], expected: Option<Value>) {
    let read = of_json(body.as_bytes()).unwrap();
    let found = path.iter().try_fold(read, |value, name| {
        let next = if let Ok(at) = name.parse::<usize>() {
            value.get_item_by_index(at)
        } else {
            value.get_attr(name)
        };
        next.ok().filter(|value| !value.is_undefined())
    });
    assert_eq!(found, expected, "{body}");
}

#[test]
fn json_is_read_as_it_is_and_nulls_are_left_out() {
    check(r#"{"a":{"b":[1,null,"x"]}}"#, &["a", "b", "0"], Some(Value::from(1)));
    check(r#"{"a":{"b":[1,null,"x"]}}"#, &["a", "b", "1"], None);
    check(r#"{"a":{"b":[1,null,"x"]}}"#, &["a", "b", "2"], Some(Value::from("x")));
    check(r#"{"a":null}"#, &["a"], None);
    check("[{\"id\":true}]", &["0", "id"], Some(Value::from(true)));
    check("\u{feff}{\"a\":0.5}", &["a"], Some(Value::from(0.5)));
}

#[test]
fn no_id_is_too_long_to_be_read_as_it_stands() {
    check(r#"{"id":9007199254740993}"#, &["id"], Some(Value::from(9_007_199_254_740_993_i64)));
    check(
        r#"{"id":123456789012345678901234567890}"#,
        &["id"],
        Some(Value::from("123456789012345678901234567890")),
    );
    check(r#"{"id":-1234567890123456789}"#, &["id"], Some(Value::from("-1234567890123456789")));
    check(r#"{"id":"\"1234567890123456789012"}"#, &["id"], Some(Value::from("\"1234567890123456789012")));
    check(r#"{"n":0.1234567890123456789012}"#, &["n"], Some(Value::from(0.123_456_789_012_345_68)));
    assert_eq!(quote_long_integers("[12, 0123456789012345678901]"), "[12, 0123456789012345678901]");
}

#[test]
fn a_body_that_is_not_what_it_claims_is_told_apart() {
    assert_eq!(of_json(b"\xff"), Err(Untranslatable::NotText));
    assert_eq!(of_json(b"{\"a\":1,}"), Err(Untranslatable::NotJson { line: 1, column: 8 }));
    for twice in
        [r#"{"a":1,"a":2}"#, r#"{"a":null,"a":2}"#, r#"{"a":1,"a":null}"#, r#"{"x":{"a":1,"\u0061":2}}"#]
    {
        assert_eq!(of_json(twice.as_bytes()), Err(Untranslatable::Repeated { within: "body" }), "{twice}");
    }
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    assert!(matches!(of_json(deep.as_bytes()), Err(Untranslatable::NotJson { .. })));
}

#[test]
fn a_form_is_texts_and_lists_of_texts() {
    let form = of_form("name=J%C3%BCrgen+K&topic=a&topic=b&empty=".as_bytes()).unwrap();
    assert_eq!(form.get_attr("name").unwrap(), Value::from("Jürgen K"));
    assert_eq!(form.get_attr("topic").unwrap(), Value::from_iter(["a", "b"]));
    assert_eq!(form.get_attr("empty").unwrap(), Value::from(""));
}
