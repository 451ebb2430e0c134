//! Many deliveries under one signature: each for itself, all or nothing for the sender.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    CHECK_IN, Stage, client,
    client::Reply,
    config,
    log::{Act, Fake},
    source, stage, stage_with, until,
};
use crate::GatewayConfig;

const LINES: (&str, &str) = ("content-type", "application/x-ndjson");

impl Stage {
    async fn batch(&self, name: &str, id: &str, body: &[u8], more: &[(&str, &str)]) -> Reply {
        let mut headers = source(name).sign_as(id, body, jiff::Timestamp::now());
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        client::post(self.address, &format!("/in/{name}/batch"), &headers, body).await
    }

    /// What the items of an accepted batch were told.
    async fn items(&self, name: &str, id: &str, body: &[u8], more: &[(&str, &str)]) -> Vec<Value> {
        let reply = self.batch(name, id, body, more).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        let json = reply.json();
        let items = json["items"].as_array().unwrap().clone();
        assert!(items.iter().all(|item| item["status"] == 202), "{json}");
        items
    }
}

fn okr(id: &str, progress: f64) -> Value {
    json!({ "id": id, "type": "objective.updated", "subject": { "id": format!("o-{id}") }, "progress": progress })
}

fn lines(items: &[Value]) -> Vec<u8> {
    items.iter().map(|item| format!("{item}\n")).collect::<String>().into_bytes()
}

fn list(items: &[Value]) -> Vec<u8> {
    Value::from(items.to_vec()).to_string().into_bytes()
}

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["accepted"][0]["event_id"].to_string()).collect()
}

fn identities(stage: &Stage) -> Vec<String> {
    let arrivals = stage.log.records("okr.arrivals");
    arrivals.iter().map(|record| Fake::arrival(record).delivery_id.unwrap()).collect()
}

#[tokio::test]
async fn a_header_names_the_batch_and_each_item_adds_its_number() {
    let stage = stage().await;
    let check_in: Value = serde_json::from_slice(CHECK_IN).unwrap();
    let body = list(&[check_in.clone(), check_in.clone(), check_in]);
    let first = stage.items("acme", "msg_1", &body, &[]).await;
    assert_eq!(identities(&stage), ["msg_1#0", "msg_1#1", "msg_1#2"]);
    let arrival = Fake::arrival(&stage.log.records("okr.arrivals")[2]);
    assert_eq!(arrival.headers["webhook-id"], "msg_1#2");
    assert_eq!(arrival.body, body[body.len() - 1 - arrival.body.len()..body.len() - 1]);
    // What is kept of an item is read as the same delivery again, without the batch around it.
    let headers = arrival.headers.iter().map(|(name, value)| {
        (http::HeaderName::from_bytes(name.as_bytes()).unwrap(), http::HeaderValue::from_str(value).unwrap())
    });
    let delivery = sources::Delivery {
        headers: &headers.collect(),
        body: &arrival.body,
        received_at: arrival.received_at,
    };
    let read = source("acme").read(&delivery).events.unwrap();
    assert_eq!(read[0].event_id.to_string(), first[2]["accepted"][0]["event_id"]);
    let mut distinct = ids(&first);
    distinct.dedup();
    assert_eq!(distinct.len(), 3, "the same words three times are three deliveries of a batch");

    let before = stage.log.count();
    let again = stage.items("acme", "msg_1", &body, &[]).await;
    assert_eq!((ids(&again), stage.log.count()), (ids(&first), before));
    assert!(again.iter().all(|item| item["duplicates"] == 1 && item["accepted"][0]["duplicate"] == true));
    // The batch's id is not an item's: a delivery of its own may have it.
    assert_eq!(stage.send("acme", CHECK_IN).await.json()["duplicates"], 0);
}

#[tokio::test]
async fn an_item_with_an_id_of_its_own_is_the_delivery_that_it_would_be_alone() {
    let stage = stage().await;
    let alone = stage.send("open", okr("d-2", 0.5).to_string().as_bytes()).await.json();
    let body = lines(&[okr("d-1", 0.5), okr("d-2", 0.5), okr("d-3", 0.5)]);
    let items = stage.items("open", "", &body, &[LINES]).await;
    assert_eq!(items[1]["accepted"][0]["event_id"], alone["accepted"][0]["event_id"]);
    let duplicates: Vec<_> = items.iter().map(|item| item["duplicates"].as_u64().unwrap()).collect();
    assert_eq!(duplicates, [0, 1, 0]);
    // In another order, as an array: all of them are known.
    let again = stage.items("open", "", &list(&[okr("d-3", 0.5), okr("d-1", 0.5)]), &[]).await;
    assert!(again.iter().all(|item| item["duplicates"] == 1), "{again:?}");
    assert_eq!(identities(&stage), ["d-2", "d-1", "d-3"]);
    let arrival = Fake::arrival(&stage.log.records("okr.arrivals")[2]);
    assert_eq!(
        (arrival.content_type.as_deref(), arrival.headers["content-type"].as_str()),
        (Some("application/json"), "application/json")
    );
}

#[tokio::test]
async fn a_bad_item_is_held_and_fails_no_other() {
    let stage = stage().await;
    let body = br#"[{"id":"a","type":"objective.updated","subject":{"id":"1"}}, {"id": }, 7,
        {"id":"b","type":"objective.updated"}, {"id":"c","type":"user.created"},
        {"id":"d","type":"objective.updated","subject":{"id":"2"}}]"#;
    let items = stage.items("open", "", body, &[]).await;
    let reasons: Vec<_> = items.iter().map(|item| item["reason"].as_str().unwrap_or("")).collect();
    assert_eq!(reasons, ["", "not_json", "not_object", "subject", "", ""]);
    let accepted: Vec<_> = items.iter().map(|item| item["accepted"].as_array().unwrap().len()).collect();
    assert_eq!(accepted, [1, 0, 0, 0, 0, 1]);
    let letters = stage.log.records("okr.dead.gateway");
    let bodies: Vec<_> = letters.iter().map(|letter| Fake::arrival(letter).body).collect();
    assert_eq!(bodies, [&br#"{"id": }"#[..], b"7", br#"{"id":"b","type":"objective.updated"}"#]);
    assert_eq!((stage.log.records("okr.events").len(), stage.log.records("okr.arrivals").len()), (2, 6));
    // What was held is known too: nothing new is kept of a repeat.
    let before = stage.log.count();
    assert_eq!(stage.items("open", "", body, &[]).await[1]["held"], 1);
    assert_eq!(stage.log.count(), before);
}

#[tokio::test]
async fn twins_inside_a_batch_are_told_apart_by_their_content() {
    let stage = stage().await;
    let (one, other) = (okr("d", 0.5), okr("d", 0.7));
    let broken = json!({ "id": "d", "type": "objective.updated" });
    let items = stage.items("open", "", &list(&[broken, one.clone(), one, other]), &[]).await;
    let told = |nth: usize| (items[nth]["reason"].as_str(), items[nth]["duplicates"].as_u64().unwrap());
    assert_eq!(
        [told(0), told(1), told(2), told(3)],
        [(Some("subject"), 0), (None, 0), (None, 1), (Some("identity_reused"), 0)]
    );
    assert_eq!(items[1]["accepted"][0]["event_id"], items[2]["accepted"][0]["event_id"]);
    assert_eq!(stage.log.records("okr.events").len(), 1);
}

#[tokio::test]
async fn nothing_is_an_empty_batch_and_what_is_no_batch_is_held_whole() {
    let stage = stage().await;
    assert_eq!(stage.batch("open", "", b" [ ] ", &[]).await.json(), json!({ "items": [] }));
    assert_eq!(stage.batch("open", "", b"\n", &[LINES]).await.json(), json!({ "items": [] }));
    assert_eq!(stage.log.count(), 0);
    for (nth, (body, more)) in [
        (&b"{\"id\":\"d\"}"[..], &[][..]),
        (b"[{\"id\":\"d\"}", &[]),
        (b"", &[]),
        (b"\xff\x00\x01\nx", &[LINES]),
    ]
    .into_iter()
    .enumerate()
    {
        let items = stage.items("open", "", body, more).await;
        assert_eq!(
            items,
            [
                json!({ "status": 202, "accepted": [], "duplicates": 0, "held": 1, "pending": 0, "reason": "not_batch" })
            ]
        );
        let letters = stage.log.records("okr.dead.gateway");
        assert_eq!((letters.len(), Fake::arrival(&letters[nth]).body.as_ref()), (nth + 1, body));
    }
}

#[tokio::test]
async fn gzip_is_proven_as_it_came_and_its_items_are_kept_as_they_were() {
    let stage = stage().await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&lines(&[okr("a", 0.1), okr("b", 0.2)])).unwrap();
    let packed = encoder.finish().unwrap();
    let coded = [("content-encoding", "gzip"), LINES];
    let items = stage.items("tracker", "", &packed, &coded).await;
    assert_eq!(ids(&items).len(), 2);
    let arrival = Fake::arrival(&stage.log.records("okr.arrivals")[1]);
    assert_eq!(
        (arrival.body.as_ref(), arrival.headers.get("content-encoding")),
        (okr("b", 0.2).to_string().as_bytes(), None)
    );
    let broken = stage.items("tracker", "", b"no gzip", &coded).await;
    assert_eq!((broken.len(), broken[0]["reason"].as_str()), (1, Some("not_gzip")));
}

#[tokio::test]
async fn a_batch_is_refused_like_a_delivery() {
    let stage = stage_with(GatewayConfig { batch_items_max: 3, ..config() }).await;
    let items = |count: usize| list(&vec![okr("x", 0.5); count]);
    assert_eq!(stage.batch("tracker", "", &items(3), &[]).await.status, 202);
    let reply = stage.batch("tracker", "", &items(4), &[]).await;
    reply.check_problem(413);
    assert!(reply.json()["detail"].as_str().unwrap().contains("at most 3 items"), "{reply:?}");
    stage.batch("tracker", "", &vec![b' '; 600 << 10], &[]).await.check_problem(413);
    stage.batch("tracker", "", b"[]", &[("content-type", "text/plain")]).await.check_problem(415);
    let form = ("content-type", "application/x-www-form-urlencoded");
    stage.batch("form", "", b"a=1", &[form]).await.check_problem(415);
    stage.batch("tracker", "", b"[]", &[("content-encoding", "br")]).await.check_problem(415);
    client::post(stage.address, "/in/tracker/batch", &[], b"[]").await.check_problem(401);
    client::post(stage.address, "/in/nobody/batch", &[], b"[]").await.check_problem(404);
    client::post(stage.address, "/in/batch", &[], b"[]").await.check_problem(404);
    client::post(stage.address, "/in/tracker/batch/batch", &[], b"[]").await.check_problem(404);
    client::request(stage.address, "GET", "/in/tracker/batch", &[], b"").await.check_problem(405);
    client::request(stage.address, "OPTIONS", "/in/grid/batch", &[], b"").await.check_problem(405);
}

#[tokio::test]
async fn what_kafka_does_not_take_fails_the_whole_and_the_repeat_completes_it() {
    let stage = stage().await;
    let body = list(&[okr("a", 0.1), okr("b", 0.2), okr("c", 0.3)]);
    // The arrival of the second is not acknowledged, then the third is not even queued.
    for act in [Act::Ack, Act::Ack, Act::Ack, Act::Fail(bus::SendError::Unacknowledged("test".to_owned()))] {
        stage.log.then(act);
    }
    stage.batch("open", "", &body, &[]).await.check_problem(503);
    assert_eq!(stage.log.count(), 6, "all went out together");
    stage.log.then(Act::Refuse(bus::SendError::QueueFull));
    stage.batch("open", "", &body, &[]).await.check_problem(503);
    let items = stage.items("open", "", &body, &[]).await;
    let duplicates: Vec<_> = items.iter().map(|item| item["duplicates"].as_u64().unwrap()).collect();
    assert_eq!(duplicates, [1, 0, 1], "what was stored is known");
    let mut stored: Vec<_> = stage
        .log
        .records("okr.events")
        .iter()
        .map(|record| Fake::event(record).event_id.to_string())
        .collect();
    stored.sort();
    stored.dedup();
    assert_eq!(stored.len(), 3, "the repeats have the same ids");
}

#[tokio::test]
async fn a_held_item_needs_its_letter_too() {
    let stage = stage().await;
    let body = list(&[json!(1), okr("a", 0.1)]);
    for act in [Act::Ack, Act::Ack, Act::Ack, Act::Fail(bus::SendError::Closed)] {
        stage.log.then(act);
    }
    stage.batch("open", "", &body, &[]).await.check_problem(503);
    let items = stage.items("open", "", &body, &[]).await;
    assert_eq!((&items[0]["held"], &items[1]["duplicates"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn an_item_that_no_topic_takes_is_held_beside_the_others() {
    let stage = stage().await;
    let body = |name: &str| list(&[okr(&format!("{name}1"), 0.1), okr(&format!("{name}2"), 0.2)]);
    for (name, act) in
        [("f", Act::Fail(bus::SendError::TooLarge)), ("r", Act::Refuse(bus::SendError::TooLarge))]
    {
        stage.log.then(act);
        let items = stage.items("open", "", &body(name), &[]).await;
        assert_eq!((items[0]["reason"].as_str(), items[1]["held"].as_u64()), (Some("too_large"), Some(0)));
    }
    assert_eq!(stage.log.records("okr.dead.gateway").len(), 2);
}

#[tokio::test]
async fn batches_with_the_same_items_never_wait_for_each_other() {
    let stage = stage().await;
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let (one, other) =
        (list(&[okr("a", 0.1), okr("b", 0.2)]), list(&[okr("c", 0.3), okr("b", 0.2), okr("a", 0.1)]));
    let rest = async {
        until("the first is on its way", || stage.log.count() == 4).await;
        let saying = async {
            // The other one's own item goes out while the first is waited for.
            until("the second is on its way", || stage.log.count() == 6).await;
            say.send(Ok(())).unwrap();
        };
        tokio::join!(stage.items("open", "", &other, &[]), saying).0
    };
    let (first, second) = tokio::join!(stage.items("open", "", &one, &[]), rest);
    assert!(first.iter().all(|item| item["duplicates"] == 0));
    let duplicates: Vec<_> = second.iter().map(|item| item["duplicates"].as_u64().unwrap()).collect();
    assert_eq!(duplicates, [0, 1, 1]);
    assert_eq!(ids(&second)[1..], [ids(&first)[1].clone(), ids(&first)[0].clone()]);
    assert_eq!(stage.log.records("okr.events").len(), 3);
}

#[tokio::test]
async fn when_the_first_fails_the_waiting_batch_takes_the_item_itself() {
    let stage = stage().await;
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let body = list(&[okr("a", 0.1)]);
    let rest = async {
        until("the first is on its way", || stage.log.count() == 2).await;
        let saying = async { say.send(Err(bus::SendError::Closed)).unwrap() };
        tokio::join!(stage.items("open", "", &body, &[]), saying).0
    };
    let (first, second) = tokio::join!(stage.batch("open", "", &body, &[]), rest);
    first.check_problem(503);
    assert_eq!(
        (second[0]["duplicates"].as_u64(), second[0]["accepted"].as_array().unwrap().len()),
        (Some(0), 1)
    );
}

#[tokio::test]
async fn a_batch_costs_its_source_as_many_deliveries_as_it_has_items() {
    let stage = stage().await;
    let event = |id: usize| {
        json!({ "specversion": "1.0", "id": id.to_string(), "source": "/grid", "type": "okr.objective.updated",
        "data": { "subject": { "id": "o-1" } } })
    };
    let body = list(&(0..5).map(event).collect::<Vec<_>>());
    assert_eq!(stage.items("grid", "", &body, &[]).await.len(), 5);
    let reply = stage.batch("grid", "", b"[]", &[]).await;
    reply.check_problem(429);
    // Two a second: of five, two were there, and the next one needs one more.
    assert_eq!(reply.header("retry-after"), Some("2"));
}

#[tokio::test]
async fn cloudevents_in_a_batch_are_those_that_they_are_alone() {
    let stage = stage_with(config()).await;
    let event = |id: &str| {
        json!({ "specversion": "1.0", "id": id, "source": "/grid", "type": "okr.objective.updated",
        "data": { "subject": { "id": "o-1" } } })
    };
    let structured = [("content-type", "application/cloudevents+json")];
    let alone = stage.send_as("grid", "", event("1").to_string().as_bytes(), &structured).await.json();
    let batch = [("content-type", "application/cloudevents-batch+json")];
    // A bad one is held for itself here, where the plain path holds the batch as one delivery.
    let items = stage.items("grid", "", &list(&[event("1"), json!({}), event("2")]), &batch).await;
    assert_eq!(items[0]["accepted"][0]["event_id"], alone["accepted"][0]["event_id"]);
    let told: Vec<_> = items
        .iter()
        .map(|item| (item["duplicates"].as_u64().unwrap(), item["held"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [(1, 0), (0, 1), (0, 0)]);
}

#[tokio::test]
async fn a_mapping_that_reads_its_identity_from_a_header_gets_it_with_a_number() {
    let stage = stage().await;
    let item = |kr: &str| json!({ "kr": kr, "value": 1, "goal": 2 });
    let id = [("x-request-id", "r-7")];
    let items = stage.items("form", "", &list(&[item("a"), item("b")]), &id).await;
    assert!(items.iter().all(|item| item["held"] == 0), "{items:?}");
    assert_eq!(identities(&stage), ["r-7#0", "r-7#1"]);
}

/// One item may become what one delivery may; a batch may not become as much for each of its items.
#[tokio::test]
async fn what_the_items_become_together_is_bounded() {
    let stage = stage().await;
    let token = [("authorization", "Bearer t0ken")];
    let item =
        |from: usize| json!({ "items": (0..600).map(|nth| json!({ "id": from + nth })).collect::<Vec<_>>() });
    let items = stage
        .items("list", "", &list(&[item(0), item(1_000), json!({ "items": [{ "id": 1 }] })]), &token[..0])
        .await;
    let told: Vec<_> = items
        .iter()
        .map(|item| (item["accepted"].as_array().unwrap().len(), item["reason"].as_str()))
        .collect();
    assert_eq!(told, [(600, None), (0, Some("no_room")), (1, None)]);
    let alone = stage.items("list", "", &list(&[item(1_000)]), &token[..0]).await;
    assert_eq!(alone[0]["accepted"].as_array().unwrap().len(), 600, "with room it is taken");
}

#[tokio::test]
async fn equal_items_of_a_source_whose_every_delivery_is_new_are_all_taken() {
    let stage = stage().await;
    let items =
        stage.items("signup", "", &list(&[json!({ "plan": "pro" }), json!({ "plan": "pro" })]), &[]).await;
    let ids = ids(&items);
    assert!(ids[0] != ids[1] && items.iter().all(|item| item["duplicates"] == 0), "{items:?}");
    assert_eq!(stage.log.records("okr.events").len(), 2);
}
