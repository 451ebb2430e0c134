//! The suite that every channel over HTTP passes: what each kind of answer leads to, and what is never said.

use std::time::Duration;

use boot::Span;
use outbox::Refusal;

use super::{Fake, Reply, TOKEN, built, config, shipment};

/// What a channel takes for an acceptance, where channels differ.
pub(crate) struct Success {
    pub(crate) kind: &'static str,
    /// 200 with this body is an acceptance.
    pub(crate) body: &'static str,
    /// Whether any other success is one, too: 204, a page without end.
    pub(crate) any: bool,
}

/// What a delivery must lead to.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Accepted,
    Passing(&'static str, Ambiguous, Option<u64>),
    Permanent(&'static str),
}
use Expected::{Accepted, Passing, Permanent};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ambiguous {
    Yes,
    No,
}
use Ambiguous::{No, Yes};

/// Every case in turn; panics name the case.
pub(crate) async fn conform(success: &Success) {
    let Success { kind, .. } = *success;
    for (reply, expected) in cases(success) {
        let case = format!("{kind}, {}", named(&reply));
        let fake = Fake::start(reply.clone()).await;
        let mut config = config(kind, &fake.url());
        if matches!(reply, Reply::Hang | Reply::Drip(_)) {
            config.timeout = Some(Span::millis(200));
        }
        check(&case, expected, built(&config).deliver(&shipment("Win 10 customers is at 42% (Ann)")).await);
        assert_eq!(fake.seen().len(), 1, "{case}: requests seen");
    }
    let vanished = Fake::start(Reply::Hang).await.url();
    let nobody = built(&config(kind, &vanished)).deliver(&shipment("x")).await;
    check(&format!("{kind}, nobody listens"), Passing("connect", No, None), nobody);
}

fn cases(success: &Success) -> Vec<(Reply, Expected)> {
    let other_success = if success.any { Accepted } else { Passing("unexpected_answer", Yes, None) };
    let status = |status| Reply::status(status, "the remote's own words");
    let echo = format!("Cannot POST /services/T0000/B0000/{TOKEN}");
    let date = "retry-after: Wed, 21 Oct 2099 07:28:00 GMT\r\n";
    vec![
        (Reply::status(200, success.body), Accepted),
        (Reply::status(204, ""), other_success),
        (Reply::Answer(200, "", vec![b'x'; 1 << 20]), other_success),
        (Reply::Drip(200), other_success),
        (Reply::Cut(200), other_success),
        (Reply::Cut(404), Permanent("not_found")),
        (Reply::Answer(429, "retry-after: 7\r\n", vec![b'x'; 1 << 20]), Passing("rate_limited", No, Some(7))),
        (
            Reply::Answer(429, "retry-after: 7\r\n", b"slow down".to_vec()),
            Passing("rate_limited", No, Some(7)),
        ),
        (Reply::Answer(429, date, Vec::new()), Passing("rate_limited", No, Some(3_600))),
        (status(429), Passing("rate_limited", No, None)),
        (status(408), Passing("status_408", No, None)),
        (status(500), Passing("status_5xx", No, None)),
        (Reply::Answer(503, "retry-after: 3\r\n", Vec::new()), Passing("status_5xx", No, Some(3))),
        (status(502), Passing("status_5xx", Yes, None)),
        (Reply::Answer(500, "", vec![b'x'; 1 << 20]), Passing("status_5xx", No, None)),
        (status(400), Permanent("bad_request")),
        (status(401), Permanent("unauthorized")),
        (status(403), Permanent("forbidden")),
        (Reply::status(404, &echo), Permanent("not_found")),
        (Reply::status(404, &TOKEN.to_lowercase()), Permanent("not_found")),
        (status(410), Permanent("gone")),
        (status(413), Permanent("too_large")),
        (status(418), Permanent("status_4xx")),
        (Reply::Answer(302, "location: /elsewhere\r\n", Vec::new()), Permanent("redirect")),
        (Reply::Answer(307, "location: /elsewhere\r\n", Vec::new()), Permanent("redirect")),
        (Reply::Hang, Passing("timeout", Yes, None)),
        (Reply::Close, Passing("closed", Yes, None)),
        (Reply::Garbage, Passing("closed", Yes, None)),
    ]
}

fn named(reply: &Reply) -> String {
    match reply {
        Reply::Answer(status, headers, body) => format!("{status} {headers:?} with {} bytes", body.len()),
        other => format!("{other:?}"),
    }
}

#[track_caller]
fn check(case: &str, expected: Expected, actual: Result<(), Refusal>) {
    if let Err(refusal) = &actual {
        let said = format!("{refusal} {refusal:?}");
        assert!(!said.contains(TOKEN), "{case}: the URL is in {said}");
        assert!(said.len() < 500, "{case}: too much is said: {said}");
        assert!(!said.contains(char::is_control), "{case}: {said:?}");
    }
    match (expected, actual) {
        (Accepted, Ok(())) => {}
        (Passing(wanted, lost, seconds), Err(Refusal::Passing { after, reason, ambiguous, .. })) => {
            assert_eq!(
                (wanted, lost == Yes),
                (reason, ambiguous),
                "{case}: reason and whether it may have arrived"
            );
            assert_eq!(after, seconds.map(Duration::from_secs), "{case}: asked for patience");
        }
        (Permanent(wanted), Err(Refusal::Permanent { reason, .. })) => assert_eq!(wanted, reason, "{case}"),
        (expected, actual) => panic!("{case}: expected {expected:?}, got {actual:?}"),
    }
}
