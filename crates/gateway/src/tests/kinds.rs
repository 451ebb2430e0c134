//! Kinds of sources over real HTTP: what is theirs alone.

use std::sync::Arc;

use serde_json::json;

use super::{
    OKR,
    client::{post, request},
    log::Fake,
    source, stage, stage_of_tokens,
};
use crate::keys::Keys;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_mapping_makes_an_event_of_a_foreign_body() {
    let stage = stage().await;
    let body = r#"{"kr":9007199254740993,"value":3,"goal":4,"division":"Vertrieb"}"#;
    let reply = stage.send_as("form", "msg_1", body.as_bytes(), &[("x-request-id", "r-1")]).await;
    assert_eq!(
        (reply.status, &reply.json()["accepted"][0]["department"]),
        (202, &json!("sales")),
        "{reply:?}"
    );
    let event = Fake::event(&stage.log.records("okr.events")[0]);
    assert_eq!((event.subject.id.as_str(), event.progress), ("9007199254740993", Some(0.75)));
    assert_eq!(event.source.delivery_id.as_deref(), Some("r-1"));
    let wrong = body.replace(":3,", ":\"many\",");
    let reply = stage.send_as("form", "msg_1", wrong.as_bytes(), &[("x-request-id", "r-2")]).await;
    assert_eq!((reply.status, &reply.json()["reason"]), (202, &json!("progress")), "{reply:?}");
    let mut headers = source("form").sign(b"other", jiff::Timestamp::now());
    headers.push(("x-request-id".to_owned(), "r-3".to_owned()));
    post(stage.address, "/in/form", &headers, body.as_bytes()).await.check_problem(401);
}

#[tokio::test]
async fn a_text_that_a_mapping_multiplies_is_held() {
    let stage = stage().await;
    let list = vec![r#"{"id":1}"#; 1000].join(",");
    let body = format!(r#"{{"team":"{}","items":[{list}]}}"#, "x".repeat(480_000));
    let reply = stage.send("list", body.as_bytes()).await;
    assert_eq!((reply.status, &reply.json()["reason"]), (202, &json!("each")), "{reply:?}");
    let letters = stage.log.records("okr.dead.gateway");
    assert_eq!(letters[0].headers.get_str("okr-dead-reason"), Some("each"));
    assert_eq!(Fake::arrival(&letters[0]).body, body.as_bytes());
    assert_eq!(stage.log.count(), 2, "the arrival and its letter");
}

#[tokio::test]
async fn github_pings_and_pushes() {
    let stage = stage().await;
    let ping = [("x-github-event", "ping"), ("x-github-delivery", "g-1")];
    let reply = stage.send_as("code", "", br#"{"zen":"Design for failure.","hook_id":1}"#, &ping).await;
    assert_eq!((reply.status, &reply.json()["accepted"]), (202, &json!([])), "{reply:?}");
    let push = [("x-github-event", "push"), ("x-github-delivery", "g-2")];
    let body = br#"{"ref":"refs/heads/main","repository":{"id":1,"full_name":"a/b"},"head_commit":{"message":"Fix"}}"#;
    let reply = stage.send_as("code", "", body, &push).await;
    assert_eq!(reply.json()["accepted"][0]["type"], "okr.custom.updated", "{reply:?}");
    let again = stage.send_as("code", "", body, &push).await;
    assert_eq!((again.status, &again.json()["duplicates"]), (202, &json!(1)));
}

#[tokio::test]
async fn a_cloud_event_sender_may_ask_before_it_delivers() {
    let stage = stage().await;
    let ask = pairs(&[("webhook-request-origin", "grid.example.com"), ("webhook-request-rate", "120")]);
    let reply = request(stage.address, "OPTIONS", "/in/grid", &ask, b"").await;
    assert_eq!((reply.status, reply.text.as_str()), (200, ""), "{reply:?}");
    assert_eq!(reply.header("webhook-allowed-origin"), Some("grid.example.com"));
    assert_eq!((reply.header("webhook-allowed-rate"), reply.header("allow")), (Some("120"), Some("POST")));
    assert!(stage.log.records("okr.events").is_empty() && stage.log.records("okr.arrivals").is_empty());
    request(stage.address, "OPTIONS", "/in/grid", &[], b"").await.check_problem(405);
    request(stage.address, "OPTIONS", "/in/open", &ask, b"").await.check_problem(405);
    let batch = br#"[{"specversion":"1.0","id":"1","source":"/a","type":"key_result.updated","data":{"subject":{"id":1}}},
        {"specversion":"1.0","id":"2","source":"/a","type":"blob.created"}]"#;
    let headers =
        pairs(&[("content-type", "application/cloudevents-batch+json"), ("authorization", "Bearer t0ken")]);
    let reply = post(stage.address, "/in/grid", &headers, batch).await;
    assert_eq!(
        (reply.status, reply.json()["accepted"].as_array().map(Vec::len)),
        (202, Some(1)),
        "{reply:?}"
    );
    let event = Fake::event(&stage.log.records("okr.events")[0]);
    assert_eq!(event.source.delivery_id.as_deref(), Some("/a 1"));
}

/// The token of a vector, by its name.
fn token(name: &str) -> String {
    let vectors = include_str!("../../../sources/fixtures/vectors/vectors.json");
    let vectors: Vec<serde_json::Value> = serde_json::from_str(vectors).unwrap();
    let vector = vectors.iter().find(|vector| vector["name"] == name).unwrap();
    vector["headers"]["authorization"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn tokens_wait_for_the_keys_of_their_issuer() {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../sources/fixtures/vectors/jwks.json")).unwrap();
    let key = |nth: usize| json!({ "keys": [all["keys"][nth]] }).to_string();
    let keys = Arc::new(Keys::default());
    let stage = stage_of_tokens(keys.clone()).await;
    let post =
        async |token: &str| post(stage.address, "/in/sso", &pairs(&[("authorization", token)]), OKR).await;
    let (rs256, es256) = (token("jwt, RS256"), token("jwt, ES256"));
    let early = post(&rs256).await;
    early.check_problem(503);
    assert!(early.header("retry-after").is_some());
    keys.learn(sources::Learned::keys(&key(0)).unwrap());
    assert_eq!(post(&rs256).await.status, 202);
    assert!(!keys.is_asked());
    post(&es256).await.check_problem(401);
    assert!(keys.is_asked(), "an unknown key makes us look again");
    keys.learn(sources::Learned::keys(&key(1)).unwrap());
    assert_eq!(post(&es256).await.status, 202);
    post(&rs256).await.check_problem(401);
}
