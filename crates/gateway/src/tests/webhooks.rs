//! What becomes of a proven delivery, and what is refused before.

use serde_json::json;

use super::{CHECK_IN, OKR, Stage, client::request, log::Fake, source, stage, stage_with};
use crate::GatewayConfig;

#[tokio::test]
async fn a_webhook_is_accepted_with_its_place_in_the_log() {
    let stage = stage().await;
    let reply = stage.send("acme", CHECK_IN).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let events = stage.log.records("okr.events");
    let event = Fake::event(&events[0]);
    let expected = json!({
        "accepted": [{
            "event_id": event.event_id.to_string(),
            "type": "okr.key_result.checked_in",
            "department": "sales",
            "partition": events[0].partition,
            "offset": 0,
        }],
        "duplicates": 0,
        "held": 0,
        "pending": 0,
    });
    assert_eq!(reply.json(), expected);
    assert_eq!(event.department.as_deref(), Some("sales"));
    assert!((0..=5).contains(&events[0].partition));
    assert_eq!(events[0].key.as_deref(), Some(&b"acme/key_result/kr-1"[..]));
}

#[tokio::test]
async fn the_records_carry_the_headers_of_the_contract() {
    let stage = stage().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    stage.send_as("acme", "msg_1", CHECK_IN, &[("traceparent", trace), ("user-agent", "hooks/1")]).await;
    let event = &stage.log.records("okr.events")[0];
    let id = Fake::event(event).event_id.to_string();
    let read: Vec<(&str, &str)> = event
        .headers
        .iter()
        .map(|(name, value)| (name, std::str::from_utf8(value.unwrap()).unwrap()))
        .collect();
    let expected = [
        ("ce_specversion", "1.0"),
        ("ce_id", id.as_str()),
        ("ce_source", "acme"),
        ("ce_type", "okr.key_result.checked_in"),
        ("ce_time", "2026-02-03T10:15:00Z"),
        ("ce_subject", "acme/key_result/kr-1"),
        ("content-type", "application/avro"),
        ("traceparent", trace),
        ("okr-department", "sales"),
    ];
    assert_eq!(read, expected);
    let record = &stage.log.records("okr.arrivals")[0];
    assert_eq!(record.key.as_deref(), Some(&b"acme/msg_1"[..]));
    let arrival = Fake::arrival(record);
    assert_eq!(arrival.body, CHECK_IN);
    assert_eq!((arrival.source.as_str(), arrival.kind.as_str()), ("acme", "standard-webhooks"));
    assert_eq!(arrival.delivery_id.as_deref(), Some("msg_1"));
    assert_eq!(arrival.headers["webhook-id"], "msg_1");
    assert_eq!(arrival.headers["user-agent"], "hooks/1");
    assert!(!arrival.headers.contains_key("webhook-signature"), "a signature is a kind of secret");
}

#[tokio::test]
async fn an_unknown_department_goes_to_others_and_keeps_its_name() {
    let stage = stage().await;
    let reply = stage.send("tracker", OKR).await;
    assert_eq!(reply.json()["accepted"][0]["department"], "others");
    let record = &stage.log.records("okr.events")[0];
    assert!((18..=23).contains(&record.partition));
    assert_eq!(Fake::event(record).department.as_deref(), Some("Legal"));
}

async fn check_held(stage: &Stage, body: &[u8], more: &[(&str, &str)], reason: &str, says: &str) {
    let before = stage.log.records("okr.dead.gateway").len();
    let reply = stage.send_as("tracker", "", body, more).await;
    let expected = json!({"accepted": [], "duplicates": 0, "held": 1, "pending": 0, "reason": reason});
    assert_eq!((reply.status, reply.json()), (202, expected));
    let letters = stage.log.records("okr.dead.gateway");
    assert_eq!(letters.len(), before + 1);
    let letter = letters.last().unwrap();
    let arrivals = stage.log.records("okr.arrivals");
    let arrival = arrivals.last().unwrap();
    assert_eq!((&letter.key, &letter.value), (&arrival.key, &arrival.value), "untouched");
    assert_eq!(Fake::arrival(letter).body, body);
    assert_eq!(letter.headers.get_str("okr-dead-service"), Some("gateway"));
    assert_eq!(letter.headers.get_str("okr-dead-reason"), Some(reason));
    assert!(letter.headers.get_str("okr-dead-error").unwrap().contains(says), "{:?}", letter.headers);
    assert_eq!(letter.headers.get_str("okr-dead-attempts"), Some("1"));
    assert_eq!(letter.headers.get_str("okr-original-topic"), Some("okr.arrivals"));
    assert_eq!(
        letter.headers.get_str("okr-original-partition"),
        Some(arrival.partition.to_string().as_str())
    );
    assert!(
        letter.headers.get("okr-original-offset").is_some() && letter.headers.get("okr-dead-at").is_some()
    );
}

#[tokio::test]
async fn what_is_proven_but_not_understood_is_held_with_its_reason() {
    let stage = stage().await;
    check_held(&stage, b"Ping test", &[], "not_json", "not JSON").await;
    check_held(&stage, b"", &[], "not_json", "not JSON").await;
    check_held(&stage, b"\xff\xfe", &[], "not_text", "UTF-8").await;
    let too_far = br#"{"type":"key_result.updated","subject":{"id":"1"},"progress":9}"#;
    check_held(&stage, too_far, &[], "progress", "`progress` is beyond 6.5").await;
    check_held(&stage, br#"{"type":"key_result.updated","subject":{}}"#, &[], "subject.id", "`subject.id`")
        .await;
    check_held(&stage, b"no gzip", &[("content-encoding", "gzip")], "not_gzip", "gzip").await;
    assert_eq!(stage.log.records("okr.events").len(), 0);
}

#[tokio::test]
async fn what_is_nothing_for_us_is_accepted_and_kept_as_an_arrival() {
    let stage = stage().await;
    let reply = stage.send("acme", br#"{"type":"contact.created","data":{}}"#).await;
    let expected = json!({"accepted": [], "duplicates": 0, "held": 0, "pending": 0});
    assert_eq!((reply.status, reply.json()), (202, expected));
    assert_eq!((stage.log.records("okr.arrivals").len(), stage.log.count()), (1, 1));
}

#[tokio::test]
async fn without_keep_arrivals_only_held_ones_are_kept() {
    let stage = stage_with(GatewayConfig { keep_arrivals: false, ..super::config() }).await;
    assert_eq!(stage.send("acme", br#"{"type":"contact.created"}"#).await.status, 202);
    assert_eq!(stage.send_as("acme", "msg_2", CHECK_IN, &[]).await.status, 202);
    assert_eq!((stage.log.records("okr.events").len(), stage.log.count()), (1, 1));
    assert_eq!(stage.send_as("acme", "msg_3", b"x", &[]).await.json()["held"], 1);
    assert_eq!(
        (stage.log.records("okr.arrivals").len(), stage.log.records("okr.dead.gateway").len()),
        (1, 1)
    );
}

#[tokio::test]
async fn what_proves_nothing_is_refused_alike_and_leaves_no_trace() {
    let stage = stage().await;
    let now = jiff::Timestamp::now();
    let stale = now - jiff::SignedDuration::from_mins(6);
    let mut forged = source("acme").sign_as("m", CHECK_IN, now);
    forged[2].1 = format!("v1,{}", "A".repeat(43) + "=");
    let attempts = [
        Vec::new(),
        source("acme").sign_as("m", CHECK_IN, stale),
        source("acme").sign_as("m", b"another body", now),
        source("acme").sign_as("m", CHECK_IN, now)[..2].to_vec(),
        forged,
    ];
    let mut replies = Vec::new();
    for headers in attempts {
        let mut reply = super::post(stage.address, "/in/acme", &headers, CHECK_IN).await;
        reply.check_problem(401);
        reply.headers.retain(|(name, _)| name != "date");
        replies.push(reply);
    }
    assert!(replies.windows(2).all(|pair| pair[0] == pair[1]), "{replies:?}");
    assert_eq!(stage.log.count(), 0);
}

#[tokio::test]
async fn any_live_secret_will_do() {
    let stage = stage().await;
    let old = toml::from_str("kind = \"standard-webhooks\"\nsecrets = [\"whsec_b2xkLXNlY3JldA==\"]").unwrap();
    let old = sources::Source::build("acme", &old).unwrap();
    let headers = old.sign(CHECK_IN, jiff::Timestamp::now());
    assert_eq!(super::post(stage.address, "/in/acme", &headers, CHECK_IN).await.status, 202);
}

#[tokio::test]
async fn a_wrong_door_method_or_type_is_a_problem_of_its_own() {
    let stage = stage().await;
    for path in [
        "/",
        "/in",
        "/in/",
        "/in/nobody",
        "/in/acme/",
        "/in/batch",
        "/in/acme/batch/",
        "/in/ACME",
        "/in/acme%00",
    ] {
        super::post(stage.address, path, &[], CHECK_IN).await.check_problem(404);
    }
    request(stage.address, "GET", "/in/nobody", &[], b"").await.check_problem(404);
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let reply = request(stage.address, method, "/in/acme", &[], b"").await;
        reply.check_problem(405);
        assert_eq!(reply.header("allow"), Some("POST"));
    }
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "json"),
        ("content-encoding", "br"),
        ("content-encoding", "gzip, gzip"),
    ] {
        stage.send_as("acme", "m", CHECK_IN, &[(name, value)]).await.check_problem(415);
    }
    assert_eq!(stage.log.count(), 0);
    for (name, value) in [
        ("content-type", "Application/JSON; charset=utf-8"),
        ("content-encoding", "identity"),
        ("x-nothing", "content-type may be left out"),
    ] {
        assert_eq!(stage.send_as("acme", "m", CHECK_IN, &[(name, value)]).await.status, 202, "{value}");
    }
}

#[tokio::test]
async fn a_source_beyond_its_rate_is_told_when_to_come_again() {
    let stage = stage().await;
    assert_eq!(stage.send("slow", OKR).await.status, 202);
    let reply = stage.send("slow", OKR).await;
    reply.check_problem(429);
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((50..=60).contains(&wait), "{wait}");
    // Whoever proves nothing costs the source nothing, and learns nothing of its rate.
    super::post(stage.address, "/in/slow", &[], OKR).await.check_problem(401);
}
