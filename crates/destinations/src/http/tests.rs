//! Events posted as JSON.

use crate::tests::{Fake, Reply, Seen, Success, built, config, conform, shipment};

#[tokio::test]
async fn http_passes_the_conformance_suite() {
    conform(&Success { kind: "http", body: "whatever", any: true }).await;
}

#[tokio::test]
async fn every_attempt_carries_the_same_effect_id() {
    let fake = Fake::start(Reply::status(202, "")).await;
    let http = built(&config("http", &fake.url()));
    for attempt in 1..=2 {
        let mut shipment = shipment("not sent: this destination wants the event");
        shipment.attempt = attempt;
        http.deliver(&shipment).await.expect("accepted");
    }
    let expected = "\r\nokr-effect-id: notifier/00000000-0000-0000-0000-000000000007/sales\r\n";
    for Seen { head, body } in fake.seen() {
        assert!(head.contains(expected), "{head}");
        assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
        assert!(head.contains("\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-"), "{head}");
        assert!(head.contains("\r\ntracestate: tool=1\r\n"), "{head}");
        assert_eq!(body, br#"{"subject":{"title":"Win 10 customers"}}"#);
    }
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn a_row_without_an_event_is_refused_without_asking_anybody() {
    let fake = Fake::start(Reply::status(200, "")).await;
    let mut shipment = shipment("x");
    shipment.event = None;
    let refusal = built(&config("http", &fake.url())).deliver(&shipment).await.expect_err("refused");
    assert_eq!(refusal.reason(), "empty_message");
    assert!(fake.seen().is_empty());
}
