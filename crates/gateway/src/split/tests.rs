//! Arrays and lines, whole and broken.

use super::*;

#[track_caller]
fn check(form: Form, body: &str, expected: Result<&[&str], Unsplit>) {
    let items = form.split(body.as_bytes(), 4);
    let texts = items.map(|items| items.into_iter().map(|item| &body[item]).collect::<Vec<_>>());
    assert_eq!(texts, expected.map(<[_]>::to_vec), "{form:?} {body:?}");
}

#[test]
fn a_list_is_cut_between_its_elements_and_nowhere_else() {
    let list = |body, items: &[&str]| check(Form::List, body, Ok(items));
    list("[]", &[]);
    list("\u{feff}\n [ \t] \r\n", &[]);
    list(r#"[{"a":1}]"#, &[r#"{"a":1}"#]);
    list(r#" [ {"a":[1,{"b":2}]} , 7,"x" ] "#, &[r#"{"a":[1,{"b":2}]}"#, "7", r#""x""#]);
    // What looks like an end inside a text is none.
    list(r#"[{"a":"],}[{\"\\"},{"b":"\\\\"}]"#, &[r#"{"a":"],}[{\"\\"}"#, r#"{"b":"\\\\"}"#]);
}

#[test]
fn a_broken_element_spoils_no_other() {
    let list = |body, items: &[&str]| check(Form::List, body, Ok(items));
    list(r#"[{"a":},{"b":2}]"#, &[r#"{"a":}"#, r#"{"b":2}"#]);
    list(r#"[{"a":1],{"b":2}]"#, &[r#"{"a":1]"#, r#"{"b":2}"#]);
    list("[1,,2]", &["1", "", "2"]);
    list("[1,]", &["1", ""]);
    list("[,]", &["", ""]);
    check(Form::Lines, "{\"a\":\n[1]\nx", Ok(&["{\"a\":", "[1]", "x"]));
}

#[test]
fn what_has_no_end_or_no_beginning_is_no_list() {
    for body in
        ["", " ", "{}", "x", "[", "[1", r#"[{"a":1}"#, r#"["x]"#, r#"["x\"]"#, "[1]]", "[1] 2", "[}", "[1}]"]
    {
        check(Form::List, body, Err(Unsplit::Shape));
    }
    let deep = "[".repeat(100_000);
    check(Form::List, &deep, Err(Unsplit::Shape));
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(Form::List.split(deep.as_bytes(), 1).unwrap().len(), 1);
}

#[test]
fn lines_may_end_as_they_like_and_blank_ones_say_nothing() {
    let lines = |body, items: &[&str]| check(Form::Lines, body, Ok(items));
    lines("", &[]);
    lines("\n\r\n \n", &[]);
    lines("{\"a\":1}", &["{\"a\":1}"]);
    lines("\u{feff}{\"a\":1}\r\n\r\n  {\"b\":2} \n", &["{\"a\":1}", "{\"b\":2}"]);
    for body in ["x\ny", "[1]\n[2]", "\u{0}\u{1}\n\u{2}"] {
        check(Form::Lines, body, Err(Unsplit::Shape));
    }
}

#[test]
fn more_items_than_are_taken_are_told_apart_from_garbage() {
    check(Form::List, "[1,2,3,4]", Ok(&["1", "2", "3", "4"]));
    check(Form::List, "[1,2,3,4,5]", Err(Unsplit::TooMany));
    check(Form::Lines, "{\n{\n{\n{\n\n", Ok(&["{", "{", "{", "{"]));
    check(Form::Lines, "{\n{\n{\n{\n{", Err(Unsplit::TooMany));
}

#[test]
fn a_form_is_what_the_source_documents_and_lines_are_always() {
    let known = ["application/json", "application/x-www-form-urlencoded"];
    let of = |essence| Form::of(essence, &known);
    assert_eq!(of("application/json"), Some(Form::List));
    assert_eq!(of("Application/JSON"), Some(Form::List));
    assert_eq!(of("application/X-NDJSON"), Some(Form::Lines));
    assert_eq!(of("application/json-lines"), Some(Form::Lines));
    for other in ["application/x-www-form-urlencoded", "application/cloudevents-batch+json", "text/plain", ""]
    {
        assert_eq!(of(other), None, "{other}");
    }
    let batch = "application/cloudevents-batch+json";
    assert_eq!(Form::of(batch, &["application/json", batch]), Some(Form::List));
}

/// Any list of values comes apart into exactly these values, however they are written.
#[test]
fn whatever_json_writes_comes_apart_into_its_elements() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2_000 {
        let count = random.usize(0..6);
        let values: Vec<serde_json::Value> = (0..count).map(|_| value(&mut random, 3)).collect();
        let list = serde_json::Value::from(values.clone());
        for body in [list.to_string(), serde_json::to_string_pretty(&list).unwrap()] {
            let items = Form::List.split(body.as_bytes(), 10).unwrap();
            let read: Vec<serde_json::Value> =
                items.into_iter().map(|item| serde_json::from_str(&body[item]).unwrap()).collect();
            assert_eq!(read, values, "{body}");
        }
    }
}

/// Whatever the bytes: items lie one after the other, inside the body, and nothing panics.
#[test]
fn random_bytes_are_cut_in_order_or_not_at_all() {
    let mut random = fastrand::Rng::with_seed(11);
    let words: &[&[u8]] =
        &[b"[", b"]", b"{", b"}", b",", b"\"", b"\\", b"\n", b" ", b"a", b"\xff", b"\xef\xbb\xbf"];
    for _ in 0..20_000 {
        let mut body = if random.bool() { b"[".to_vec() } else { Vec::new() };
        for _ in 0..random.usize(0..20) {
            body.extend_from_slice(words[random.usize(..words.len())]);
        }
        for form in [Form::List, Form::Lines] {
            let Ok(items) = form.split(&body, 8) else { continue };
            assert!(items.len() <= 8 && items.iter().all(|item| item.end <= body.len()), "{body:?}");
            assert!(items.windows(2).all(|pair| pair[0].end <= pair[1].start), "{body:?}");
        }
    }
}

fn value(random: &mut fastrand::Rng, depth: usize) -> serde_json::Value {
    let text = |random: &mut fastrand::Rng| -> String {
        (0..random.usize(0..5))
            .map(|_| *random.choice(&['"', '\\', ',', ']', '}', '[', '{', 'ä', '\n']).unwrap())
            .collect()
    };
    match random.usize(0..if depth == 0 { 3 } else { 5 }) {
        0 => random.i32(..).into(),
        1 => text(random).into(),
        2 => serde_json::Value::Null,
        3 => (0..random.usize(0..4)).map(|_| value(random, depth - 1)).collect(),
        _ => {
            let fields = (0..random.usize(0..4)).map(|_| (text(random), value(random, depth - 1)));
            serde_json::Value::Object(fields.collect())
        }
    }
}
