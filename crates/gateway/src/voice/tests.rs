//! Which words are hyper's own.

use super::{instead_of, spoken};
use crate::problem::Problem;

#[track_caller]
fn check(words: &str, expected: Option<Problem>) {
    assert_eq!(instead_of(words.as_bytes()), expected, "{words:?}");
}

#[test]
fn only_an_empty_refusal_is_replaced() {
    let empty = |status: &str| {
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n")
    };
    check(&empty("400 Bad Request"), Some(Problem::Malformed));
    check(&empty("414 URI Too Long"), Some(Problem::LongPath));
    check(&empty("431 Request Header Fields Too Large"), Some(Problem::Headers));
    check(&empty("204 No Content"), None);
    check("HTTP/1.1 100 Continue\r\n\r\n", None);
    check("HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\n{a}", None);
    check("HTTP/1.1 400 Bad", None);
    check("", None);
}

#[test]
fn what_is_said_instead_is_a_whole_answer() {
    let words = String::from_utf8(spoken(Problem::Malformed)).unwrap();
    let (head, body) = words.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["status"], 400);
}
