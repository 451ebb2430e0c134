//! What a request becomes: the delivery that it is at either door, and no more bytes than are counted.

use http::header::USER_AGENT;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{CHECK_IN, OKR, Stage, client, config, log::Act, source, stage, stage_with, until};
use crate::GatewayConfig;

const LINES: &str = "application/x-ndjson";

/// The very same bytes under the very same signature.
async fn delivered(stage: &Stage, path: &str, headers: &[(String, String)], body: &[u8]) -> Value {
    let mut headers = headers.to_vec();
    if path.ends_with("/batch") {
        headers.push(("content-type".to_owned(), LINES.to_owned()));
    }
    let reply = client::post(stage.address, path, &headers, body).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let json = reply.json();
    json["items"].get(0).cloned().unwrap_or(json)
}

#[tokio::test]
async fn a_delivery_that_comes_again_at_the_other_door_is_a_repeat() {
    let check_in: Value = serde_json::from_slice(CHECK_IN).unwrap();
    let (compact, pretty) = (check_in.to_string(), serde_json::to_string_pretty(&check_in).unwrap());
    let bodies = [compact.clone(), pretty, format!("{compact}\n"), format!("\u{feff}{compact}\r\n\n")];
    for (body, doors) in bodies.iter().flat_map(|body| {
        let doors = ["/in/acme", "/in/acme/batch"];
        [(body, doors), (body, [doors[1], doors[0]])]
    }) {
        let stage = stage().await;
        let headers = source("acme").sign_as("msg_1", body.as_bytes(), jiff::Timestamp::now());
        let first = delivered(&stage, doors[0], &headers, body.as_bytes()).await;
        assert_eq!((first["held"].as_u64(), first["duplicates"].as_u64()), (Some(0), Some(0)), "{body}");
        let before = stage.log.count();
        let again = delivered(&stage, doors[1], &headers, body.as_bytes()).await;
        assert_eq!(again["duplicates"], 1, "{doors:?} {body}");
        assert_eq!(again["accepted"][0]["event_id"], first["accepted"][0]["event_id"]);
        assert_eq!(stage.log.count(), before);
    }
}

#[tokio::test]
async fn headers_that_each_item_keeps_are_counted_with_it() {
    let stage = stage_with(GatewayConfig { keep_arrivals: true, ..config() }).await;
    let agent = |bytes: usize| (USER_AGENT.to_string(), "a".repeat(bytes));
    let lines = ("content-type".to_owned(), LINES.to_owned());
    let body = |items: usize| "{}\n".repeat(items).into_bytes();
    let headers = [agent(15_000), lines.clone()];
    let reply = client::post(stage.address, "/in/open/batch", &headers, &body(1_000)).await;
    reply.check_problem(431);
    assert_eq!(stage.log.count(), 0);
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let (address, sent) = (stage.address, body(300));
    let asking = tokio::spawn(async move { client::post(address, "/in/open/batch", &headers, &sent).await });
    until("it is on its way", || stage.log.count() > 0).await;
    assert!(stage.door.in_flight() >= 300 * 15_000, "{}", stage.door.in_flight());
    say.send(Ok(())).unwrap();
    assert_eq!(asking.await.unwrap().status, 202);
    assert_eq!(stage.door.in_flight(), 0);
}

#[tokio::test]
async fn what_one_body_becomes_many_times_is_counted() {
    let stage = stage().await;
    let items: Vec<Value> = (0..500).map(|nth| json!({ "id": nth })).collect();
    let body = json!({ "team": "t".repeat(2_000), "items": items }).to_string().into_bytes();
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let (address, sent) = (stage.address, body.clone());
    let token = [("authorization".to_owned(), "Bearer t0ken".to_owned())];
    let asking = tokio::spawn(async move { client::post(address, "/in/list", &token, &sent).await });
    until("it is on its way", || stage.log.count() > 0).await;
    assert!(stage.door.in_flight() >= 500 * 2_000, "{}", stage.door.in_flight());
    say.send(Ok(())).unwrap();
    assert_eq!(asking.await.unwrap().status, 202);
    assert_eq!(stage.door.in_flight(), 0);
    // The usual body is more than what it becomes, and counts as it is.
    assert_eq!(client::post(stage.address, "/in/open", &[], OKR).await.status, 202);
}
