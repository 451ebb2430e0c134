//! Slack's protocol.

use outbox::Refusal;
use serde_json::Value;

use crate::tests::{Fake, Reply, Success, TOKEN, built, config, conform, shipment};

#[tokio::test]
async fn slack_passes_the_conformance_suite() {
    conform(&Success { kind: "slack", body: "ok", any: false }).await;
}

#[tokio::test]
async fn a_message_reaches_slack_as_json_with_a_fallback() {
    let fake = Fake::start(Reply::status(200, "ok")).await;
    let slack = built(&config("slack", &fake.url()));
    slack.deliver(&shipment("*Win 10 customers* is at 42% (Ann)")).await.expect("accepted");
    let [seen] = fake.seen().try_into().expect("one request");
    assert!(seen.head.starts_with("post /services/t0000/b0000/"), "{}", seen.head);
    assert!(seen.head.contains("\r\ncontent-type: application/json\r\n"), "{}", seen.head);
    let body: Value = serde_json::from_slice(&seen.body).expect("JSON");
    assert_eq!(body["text"], "*Win 10 customers* is at 42% (Ann)");
    assert_eq!(body["blocks"][0]["text"]["text"], "*Win 10 customers* is at 42% (Ann)");
}

#[tokio::test]
async fn ok_with_a_line_end_is_ok_and_any_other_body_is_not() {
    for (body, accepted) in
        [("ok\n", true), ("OK", false), ("okay", false), ("<html>ok</html>", false), ("", false)]
    {
        let fake = Fake::start(Reply::status(200, body)).await;
        let result = built(&config("slack", &fake.url())).deliver(&shipment("x")).await;
        assert_eq!(result.is_ok(), accepted, "{body:?}: {result:?}");
    }
}

#[tokio::test]
async fn slacks_word_is_in_the_error() {
    let fake = Fake::start(Reply::status(410, "channel_is_archived")).await;
    let refusal = built(&config("slack", &fake.url())).deliver(&shipment("x")).await.expect_err("refused");
    let expected = Refusal::Permanent { reason: "gone", error: "answered 410: channel_is_archived".into() };
    assert_eq!(refusal, expected);
}

#[tokio::test]
async fn a_body_that_is_no_word_of_slacks_is_not_repeated() {
    for body in ["<b>no</b>", "two words", "\u{1b}[31m", &"a".repeat(65)] {
        let fake = Fake::start(Reply::status(400, body)).await;
        let refusal =
            built(&config("slack", &fake.url())).deliver(&shipment("x")).await.expect_err("refused");
        assert_eq!(refusal, Refusal::Permanent { reason: "bad_request", error: "answered 400".into() });
    }
}

#[tokio::test]
async fn a_word_that_is_part_of_the_url_is_not_repeated() {
    let token = "abcdef0123456789";
    let fake = Fake::start(Reply::status(404, token)).await;
    let url = fake.url().replace(TOKEN, token);
    let refusal = built(&config("slack", &url)).deliver(&shipment("x")).await.expect_err("refused");
    assert_eq!(refusal, Refusal::Permanent { reason: "not_found", error: "answered 404".into() });
}

#[tokio::test]
async fn an_empty_message_is_refused_without_asking_slack() {
    let fake = Fake::start(Reply::status(200, "ok")).await;
    let refusal = built(&config("slack", &fake.url())).deliver(&shipment(" \n")).await.expect_err("refused");
    assert_eq!(refusal.reason(), "empty_message");
    assert!(fake.seen().is_empty());
}
