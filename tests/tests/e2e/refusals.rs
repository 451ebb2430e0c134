//! What is not proven or not well-formed gets its status, and nothing is produced.

use anyhow::{Result, ensure};
use okr_tests::{Python, Reply, post, sign};

use crate::{
    case::{accepted, check_in, letters},
    world::{Home, SOON, TRACKER_KEY, secrets},
};

type Headers = Vec<(String, String)>;

/// Every refusal is problem+json with its own status.
fn problem(what: &str, reply: &Reply, status: u16) -> Result<()> {
    ensure!(reply.status == status, "{what}: {} {}, not {status}", reply.status, reply.text());
    let kind = reply.header("content-type");
    ensure!(kind.starts_with("application/problem+json"), "{what}: content-type {kind:?}");
    let body = reply.json();
    ensure!(
        body["status"] == status && body["title"].is_string() && body["type"].is_string(),
        "{what}: {body}"
    );
    Ok(())
}

/// Wrong, missing, stale and early signatures, one altered byte: 401, all alike, and nothing comes of them.
pub async fn unproven(home: &Home) -> Result<()> {
    let body = serde_json::to_vec(&check_in("refused", "kr-unproven"))?;
    let good = |at: i64| sign::standard_webhooks(&secrets().0, "msg_refused", at, &body);
    let wrong_key = sign::standard_webhooks(
        &sign::whsec(b"nobody's key, but long enough..."),
        "msg_refused",
        sign::now(),
        &body,
    )?;
    let mut altered = body.clone();
    let last = altered.len() - 3;
    altered[last] ^= 1;
    let mut other_id = good(sign::now())?;
    other_id[0].1 = "msg_refused_2".into();
    let mut twice = good(sign::now())?;
    twice.push(("webhook-id".into(), "msg_refused_3".into()));
    let cases: Vec<(&str, Headers, &[u8])> = vec![
        ("another key", wrong_key, &body),
        ("no signature", Vec::new(), &body),
        ("an id that was not signed", other_id, &body),
        ("two ids", twice, &body),
        ("ten minutes old", good(sign::now() - 600)?, &body),
        ("ten minutes early", good(sign::now() + 600)?, &body),
        ("one altered byte", good(sign::now())?, &altered),
        ("a signature of nothing", vec![("webhook-signature".into(), "v1,".into())], &body),
    ];
    let mut said = Vec::new();
    for (what, headers, body) in cases {
        let reply = post(&home.door("acme"), &headers, body.to_vec()).await?;
        problem(what, &reply, 401)?;
        said.push(reply.text());
    }
    let reply =
        post(&home.door("tracker"), &sign::hmac_hex("wrong", "x-signature", "sha256=", &body)?, body.clone())
            .await?;
    problem("tracker, another key", &reply, 401)?;
    ensure!(said.iter().all(|body| *body == said[0]), "all 401 are alike: {said:?}");
    nothing_came_of_it(home, "kr-unproven").await
}

/// Behind the refused ones a good one goes through; then no topic holds a word of the others.
async fn nothing_came_of_it(home: &Home, word: &str) -> Result<()> {
    let (id, subject) = (format!("msg_{word}_end"), format!("{word}-end"));
    accepted(home, &id, &check_in("refused", &subject)).await?;
    home.slack
        .wait_until(SOON, |seen| seen.iter().any(|seen| seen.json().to_string().contains(&subject)))
        .await?;
    let topics = ["okr.events", "okr.arrivals", "okr.dead.gateway"];
    let mut ends = 0;
    for topic in topics {
        for record in Python::read_all(&home.broker, &home.registry, topic).await? {
            let text = record.to_string();
            ends += usize::from(text.contains(&subject));
            ensure!(text.contains(&subject) || !text.contains(word), "{topic} has a refused one: {text}");
        }
    }
    ensure!(
        ends == 2,
        "the good one is an event and an arrival, which shows that this looks in the right place"
    );
    Ok(())
}

/// Unknown source, wrong method, wrong media type and encoding, too large.
pub async fn malformed(home: &Home) -> Result<()> {
    let body = serde_json::to_vec(&check_in("refused", "kr-malformed"))?;
    let signed = sign::standard_webhooks(&secrets().0, "msg_malformed", sign::now(), &body)?;
    let with = |name: &str, value: &str| [signed.clone(), vec![(name.to_owned(), value.to_owned())]].concat();

    problem("unknown source", &post(&home.door("nobody"), &signed, body.clone()).await?, 404)?;
    problem("a path that is no door", &post(&home.stack.gateway("/"), &signed, body.clone()).await?, 404)?;
    let reply = okr_tests::get(&home.door("acme")).await?;
    problem("GET", &reply, 405)?;
    ensure!(reply.header("allow").contains("POST"), "405 says what is allowed: {:?}", reply.header("allow"));
    problem("GET of an unknown source", &okr_tests::get(&home.door("nobody")).await?, 404)?;
    problem(
        "text/html",
        &post(&home.door("acme"), &with("content-type", "text/html"), body.clone()).await?,
        415,
    )?;
    problem("br", &post(&home.door("acme"), &with("content-encoding", "br"), body.clone()).await?, 415)?;
    let large = vec![b' '; 65 * 1024];
    let signed = sign::standard_webhooks(&secrets().0, "msg_large", sign::now(), &large)?;
    problem("too large", &post(&home.door("acme"), &signed, large).await?, 413)?;
    nothing_came_of_it(home, "kr-malformed").await
}

/// Both live secrets are good, and so is the other kind of source.
pub async fn second_secret(home: &Home) -> Result<()> {
    let body = serde_json::to_vec(&check_in("second", "kr-second"))?;
    let headers = sign::standard_webhooks(&secrets().1, "msg_second", sign::now(), &body)?;
    let reply = post(&home.door("acme"), &headers, body).await?;
    ensure!(reply.status == 202, "{} {}", reply.status, reply.text());

    let body = serde_json::json!({ "id": "d-1", "type": "objective.updated", "team": "second",
        "subject": { "id": "o-1", "title": "An objective" }, "progress": 0.5 });
    let body = serde_json::to_vec(&body)?;
    let headers = sign::hmac_hex(TRACKER_KEY, "x-signature", "sha256=", &body)?;
    let reply = post(&home.door("tracker"), &headers, body).await?;
    ensure!(reply.status == 202, "{} {}", reply.status, reply.text());
    let texts = home.slack.wait_for_texts("second", 2, SOON).await?;
    ensure!(texts.iter().any(|text| text.contains("An objective") && text.contains("50%")), "{texts:?}");
    Ok(())
}

/// Verified but not JSON, or not an okr body: 202, held, and a dead letter that names the field.
pub async fn held(home: &Home) -> Result<()> {
    for (id, body, reason) in [
        ("msg_held_1", "this is no JSON".to_owned(), ""),
        ("msg_held_2", check_in("held", "x").to_string().replace("\"x\"", "[1]"), "subject.id"),
        (
            "msg_held_3",
            check_in("held", "x").to_string().replace("\"current\":21", "\"current\":\"many\""),
            "metric.current",
        ),
    ] {
        let headers = sign::standard_webhooks(&secrets().0, id, sign::now(), body.as_bytes())?;
        let reply = post(&home.door("acme"), &headers, body.clone()).await?;
        let answer = reply.json();
        ensure!(reply.status == 202 && answer["held"] == 1, "{id}: {} {}", reply.status, reply.text());
        let letters =
            letters(home, "okr.dead.gateway", |letter| letter["key"].to_string().contains(id)).await?;
        let letter = &letters[0];
        let why = format!("{} {}", letter["headers"]["okr-dead-reason"], letter["headers"]["okr-dead-error"]);
        ensure!(why.contains(reason), "{id}: {why} does not name {reason}");
        ensure!(letter["headers"]["okr-dead-service"] == "gateway", "{letter}");
    }
    let nothing =
        serde_json::json!({ "type": "heartbeat.sent", "timestamp": "2026-11-23T09:00:00Z", "data": {} });
    let answer = accepted(home, "msg_held_4", &nothing).await?;
    ensure!(answer["held"] == 0 && ids_empty(&answer), "nothing for us is accepted and empty: {answer}");
    Ok(())
}

fn ids_empty(answer: &serde_json::Value) -> bool {
    crate::case::ids(answer).is_empty()
}
