//! What the cases have in common: their names, deliveries, and what came of them.

use anyhow::{Result, ensure};
use okr_tests::{Python, Reply, post, sign};
use serde_json::{Value, json};

use crate::world::{Home, SOON, secrets};

/// The teams of the cases; each has a route to a channel of its own.
pub const CASES: &[&str] = &[
    "light", "evidence", "five", "twins", "reused", "refused", "second", "held", "poison", "places", "absent",
];

/// A check-in of a key result, as the envelope of Standard Webhooks.
pub fn check_in(team: &str, subject: &str) -> Value {
    json!({
        "type": "key_result.checked_in",
        "timestamp": "2026-11-23T09:00:00Z",
        "data": {
            "subject": { "type": "key_result", "id": subject, "title": format!("Title of {subject}") },
            "department": "sales",
            "team": team,
            "owner": { "id": "u-1", "name": "Owner of it", "email": "owner@example.com" },
            "metric": { "start": 0, "target": 50, "current": 21 },
        },
    })
}

/// One delivery of source `acme`, signed now with its present secret.
pub async fn deliver(home: &Home, id: &str, body: &Value) -> Result<Reply> {
    let body = serde_json::to_vec(body)?;
    let headers = sign::standard_webhooks(&secrets().0, id, sign::now(), &body)?;
    post(&home.door("acme"), &headers, body).await
}

/// As `deliver`, and it must be accepted; gives the answer.
pub async fn accepted(home: &Home, id: &str, body: &Value) -> Result<Value> {
    let reply = deliver(home, id, body).await?;
    ensure!(reply.status == 202, "{id} was answered {} {}", reply.status, reply.text());
    Ok(reply.json())
}

/// The ids in an answer's `accepted`.
pub fn ids(answer: &Value) -> Vec<String> {
    let accepted = answer["accepted"].as_array().cloned().unwrap_or_default();
    accepted.iter().map(|event| event["event_id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The dead letters that `wanted` picks, once there is one.
pub async fn letters(home: &Home, topic: &str, wanted: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
    okr_tests::until(&format!("a dead letter on {topic}"), SOON, async || {
        let letters = Python::read_all(&home.broker, &home.registry, topic).await.ok()?;
        let found: Vec<Value> = letters.into_iter().filter(|letter| wanted(letter)).collect();
        Some(found).filter(|found| !found.is_empty())
    })
    .await
}

/// Sends one more event behind what was done, and waits for its message: whatever comes late has come by then.
pub async fn settle(home: &Home, team: &str, before: usize) -> Result<Vec<String>> {
    let subject = format!("{team}-last");
    accepted(home, &format!("msg_{subject}"), &check_in(team, &subject)).await?;
    home.slack.wait_for_texts(team, before + 1, SOON).await
}
