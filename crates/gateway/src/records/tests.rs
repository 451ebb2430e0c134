//! Trace contexts that are passed on, and those that are not.

use http::{HeaderMap, HeaderValue};

use super::trace;

fn read(values: &[&str]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append("traceparent", HeaderValue::from_str(value).unwrap());
    }
    trace(&headers).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_valid_trace_context_is_passed_on() {
    assert_eq!(read(&[GOOD]).as_deref(), Some(GOOD));
    let later = format!("cc{}-what-the-future-will-be-like", &GOOD[2..]);
    assert_eq!(read(&[&later]), Some(later));
}

#[test]
fn any_other_is_not() {
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[GOOD, GOOD]), None);
    let zeros = |range: std::ops::Range<usize>| {
        let mut text = GOOD.to_owned();
        text.replace_range(range.clone(), &"0".repeat(range.len()));
        text
    };
    for bad in [
        "",
        "x",
        &GOOD[..54],
        &format!("{GOOD}-more"),
        &format!("ff{}", &GOOD[2..]),
        &GOOD.to_uppercase(),
        &GOOD.replace('-', "_"),
        &zeros(3..35),
        &zeros(36..52),
        &GOOD.replace("0af7", "0ag7"),
    ] {
        assert_eq!(read(&[bad]), None, "{bad}");
    }
}
