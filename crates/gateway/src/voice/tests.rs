//! Which words are hyper's own.

use std::{io::ErrorKind, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::{Instant, timeout},
};

use super::{Voice, instead_of, spoken};
use crate::problem::Problem;

#[track_caller]
fn check(words: &str, expected: Option<Problem>) {
    assert_eq!(instead_of(words.as_bytes(), false), expected, "{words:?}");
}

#[test]
fn only_an_empty_refusal_is_replaced() {
    let empty = |status: &str| {
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n")
    };
    check(&empty("400 Bad Request"), Some(Problem::Malformed));
    check(&empty("414 URI Too Long"), Some(Problem::LongPath));
    check(&empty("431 Request Header Fields Too Large"), Some(Problem::Headers));
    let endless = instead_of(empty("431 Request Header Fields Too Large").as_bytes(), true);
    assert_eq!(endless, Some(Problem::Malformed));
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

/// One that loses its patience sooner.
fn hasty<S>(stream: S) -> Voice<S> {
    Voice { deaf_max: Duration::from_millis(400), ..Voice::new(stream) }
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_given_up() {
    let (near, mut far) = duplex(64);
    let mut voice = hasty(near);
    voice.write_all(&[b' '; 64]).await.unwrap();
    assert!(timeout(voice.deaf_max / 4, voice.write_all(b" ")).await.is_err());
    assert!(voice.patience.is_some());
    // Something is taken in time, so all begins anew.
    far.read_exact(&mut [0; 8]).await.unwrap();
    voice.write_all(&[b' '; 8]).await.unwrap();
    assert!(voice.patience.is_none());
    let again = Instant::now();
    let error = voice.write_all(b" ").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(again.elapsed() >= voice.deaf_max);
}

#[tokio::test]
async fn who_takes_nothing_of_what_is_said_instead_is_given_up() {
    let (near, _far) = duplex(64);
    let refusal = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let error = hasty(near).write_all(refusal).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_length_that_no_body_has_is_heard_in_however_many_pieces() {
    for pieces in [
        vec!["x: 18446744073709551615"],
        vec!["184467440", "73709551615"],
        vec!["1844674407370955", "1", "61"],
    ] {
        let (mut near, far) = duplex(64);
        let mut voice = Voice::new(far);
        for piece in &pieces {
            near.write_all(piece.as_bytes()).await.unwrap();
            voice.read_exact(&mut vec![0; piece.len()]).await.unwrap();
        }
        assert!(voice.heard_endless, "{pieces:?}");
    }
    let (mut near, far) = duplex(64);
    let mut voice = Voice::new(far);
    for piece in ["184467440", " 73709551615", "1844674407", "270955161"] {
        near.write_all(piece.as_bytes()).await.unwrap();
        voice.read_exact(&mut vec![0; piece.len()]).await.unwrap();
    }
    assert!(!voice.heard_endless);
}
