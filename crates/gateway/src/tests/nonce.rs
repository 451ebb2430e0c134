//! A value that a sender may use once, over real HTTP.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use sources::{Source, SourceConfig};
use store::{Nonces, Used};
use tokio::sync::oneshot;

use super::{
    OKR, Stage,
    client::{Reply, post},
    config, entrances,
    log::Act,
    memory::{Brittle, key},
    stage_of, until,
};
use crate::door::Door;

const SECTION: &str = r#"
kind = "okr"
[verify]
scheme = "hmac-sha256"
header = "x-signature"
timestamp = { header = "x-time" }
signed = "{{ timestamp }}.{{ headers['x-nonce'] }}.{{ body }}"
nonce = { header = "x-nonce" }
secrets = ["s"]
"#;
const OTHER: &[u8] = br#"{"id":"d-2","type":"objective.updated","subject":{"id":"o-1"}}"#;

async fn gateway(memory: Option<&Arc<Brittle>>) -> Stage {
    let source = Source::build("once", &toml::from_str::<SourceConfig>(SECTION).unwrap()).unwrap();
    let entrances = entrances(vec![source], boot::system_clock());
    stage_of(config(), |config, desk| {
        let door = Door::new(config, entrances, desk, boot::system_clock());
        match memory {
            Some(memory) => door.with_memory(memory.recall(&[key('a')])),
            None => door,
        }
    })
    .await
}

fn signed(nonce: Option<&str>, body: &[u8]) -> Vec<(String, String)> {
    use hmac::{KeyInit, Mac};
    let time = Timestamp::now().as_second().to_string();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"s").unwrap();
    mac.update(format!("{time}.{}.", nonce.unwrap_or_default()).as_bytes());
    mac.update(body);
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut headers = vec![("x-time".to_owned(), time), ("x-signature".to_owned(), signature)];
    headers.extend(nonce.map(|nonce| ("x-nonce".to_owned(), nonce.to_owned())));
    headers
}

async fn send(stage: &Stage, nonce: &str, body: &[u8]) -> Reply {
    post(stage.address, "/in/once", &signed(Some(nonce), body), body).await
}

#[tokio::test]
async fn a_used_value_is_a_duplicate_with_the_same_bytes_and_refused_with_others() {
    let memory = Brittle::open().await;
    let stage = gateway(Some(&memory)).await;
    let first = send(&stage, "n-1", OKR).await;
    assert_eq!((first.status, stage.log.count()), (202, 2));
    let mut expected = first.json();
    expected["accepted"][0]["duplicate"] = true.into();
    expected["duplicates"] = 1.into();
    assert_eq!(send(&stage, "n-1", OKR).await.json(), expected);
    send(&stage, "n-1", OTHER).await.check_problem(401);
    // At another gateway, and after a restart, as well.
    let other = gateway(Some(&memory)).await;
    let again = send(&other, "n-1", OKR).await;
    assert_eq!((again.status, again.json()), (202, expected));
    send(&other, "n-1", OTHER).await.check_problem(401);
    assert_eq!((stage.log.count(), other.log.count()), (2, 0), "nothing was kept again");
    assert_eq!(send(&other, "n-2", OTHER).await.json()["duplicates"], 0);
}

#[tokio::test]
async fn without_its_value_a_request_proves_nothing() {
    let memory = Brittle::open().await;
    let stage = gateway(Some(&memory)).await;
    post(stage.address, "/in/once", &signed(None, OKR), OKR).await.check_problem(401);
    let mut twice = signed(Some("n"), OKR);
    twice.push(("x-nonce".to_owned(), "n".to_owned()));
    post(stage.address, "/in/once", &twice, OKR).await.check_problem(401);
    let mut swapped = signed(Some("n"), OKR);
    swapped.retain(|(name, _)| name != "x-nonce");
    swapped.push(("x-nonce".to_owned(), "m".to_owned()));
    post(stage.address, "/in/once", &swapped, OKR).await.check_problem(401);
    assert_eq!(stage.log.count(), 0);
}

#[tokio::test]
async fn a_value_is_used_only_once_kafka_has_the_delivery() {
    let memory = Brittle::open().await;
    let stage = gateway(Some(&memory)).await;
    stage.log.then(Act::Fail(bus::SendError::Closed));
    send(&stage, "n-1", OKR).await.check_problem(503);
    let hash = <sha2::Sha256 as sha2::Digest>::digest(b"n-1").into();
    assert_eq!(memory.store.used("once", &hash).await.unwrap(), None);
    // Even another body may use it: nothing was promised.
    assert_eq!(send(&stage, "n-1", OTHER).await.json()["duplicates"], 0);
    assert!(memory.store.used("once", &hash).await.unwrap().is_some());
}

/// A delivery whose records Kafka has, and whose reports come when the test says so.
async fn under_way(
    stage: &Stage,
    body: &'static [u8],
) -> (oneshot::Sender<Result<(), bus::SendError>>, tokio::task::JoinHandle<Reply>) {
    let (word, wait) = oneshot::channel();
    let count = stage.log.count();
    stage.log.then(Act::Wait(wait));
    let (address, headers) = (stage.address, signed(Some("n-1"), body));
    let sent = tokio::spawn(async move { post(address, "/in/once", &headers, body).await });
    until("its records are out", || stage.log.count() > count).await;
    (word, sent)
}

#[tokio::test]
async fn of_two_bodies_with_one_value_at_the_same_moment_one_gets_through() {
    let memory = Brittle::open().await;
    let (stage, other) = (gateway(Some(&memory)).await, gateway(Some(&memory)).await);
    let (word, sent) = under_way(&stage, OKR).await;
    for door in [&stage, &other] {
        let refused = send(door, "n-1", OTHER).await;
        refused.check_problem(503);
        assert!(refused.header("retry-after").is_some());
    }
    // The same one again contradicts nothing.
    assert_eq!(send(&other, "n-1", OKR).await.status, 202);
    word.send(Ok(())).unwrap();
    assert_eq!(sent.await.unwrap().status, 202);
    for door in [&stage, &other] {
        send(door, "n-1", OTHER).await.check_problem(401);
        let ids = |stage: &Stage| stage.log.records("okr.events").len();
        assert_eq!(ids(door), 1);
    }
}

#[tokio::test]
async fn a_value_is_free_for_others_once_nothing_came_of_the_first() {
    let memory = Brittle::open().await;
    let (stage, other) = (gateway(Some(&memory)).await, gateway(Some(&memory)).await);
    let (word, sent) = under_way(&stage, OKR).await;
    send(&other, "n-1", OTHER).await.check_problem(503);
    word.send(Err(bus::SendError::Closed)).unwrap();
    sent.await.unwrap().check_problem(503);
    assert_eq!(send(&other, "n-1", OTHER).await.status, 202);
    send(&stage, "n-1", OKR).await.check_problem(401);
}

/// The same body on its way here and there. Whichever fails first does not let another one in while the other may come
/// through.
#[tokio::test]
async fn a_failing_twin_does_not_free_the_value_of_the_one_under_way() {
    for first_fails in [true, false] {
        let memory = Brittle::open().await;
        let (stage, other) = (gateway(Some(&memory)).await, gateway(Some(&memory)).await);
        let first = under_way(&stage, OKR).await;
        let second = under_way(&other, OKR).await;
        let (failing, going) = if first_fails { (first, second) } else { (second, first) };
        failing.0.send(Err(bus::SendError::Closed)).unwrap();
        failing.1.await.unwrap().check_problem(503);
        for door in [&stage, &other] {
            let refused = send(door, "n-1", OTHER).await;
            refused.check_problem(503);
            assert!(refused.header("retry-after").is_some());
        }
        going.0.send(Ok(())).unwrap();
        assert_eq!(going.1.await.unwrap().status, 202, "Kafka has it: {first_fails}");
        send(&stage, "n-1", OTHER).await.check_problem(401);
    }
}

#[tokio::test]
async fn a_value_that_failing_twins_had_is_free_after_a_while() {
    let memory = Brittle::open().await;
    let (stage, other) = (gateway(Some(&memory)).await, gateway(Some(&memory)).await);
    let (first, second) = (under_way(&stage, OKR).await, under_way(&other, OKR).await);
    for (word, sent) in [first, second] {
        word.send(Err(bus::SendError::Closed)).unwrap();
        sent.await.unwrap().check_problem(503);
    }
    send(&stage, "n-1", OTHER).await.check_problem(503);
    memory.advance(120);
    assert_eq!(send(&stage, "n-1", OTHER).await.status, 202);
}

#[tokio::test]
async fn who_loses_its_value_on_the_way_is_not_told_that_it_was_taken() {
    let memory = Brittle::open().await;
    let (stage, other) = (gateway(Some(&memory)).await, gateway(Some(&memory)).await);
    let (word, sent) = under_way(&stage, OKR).await;
    // Longer than a delivery may be on its way: its gateway seems to be no more.
    memory.advance(120);
    let headers = signed(Some("n-1"), OTHER);
    assert_eq!(post(other.address, "/in/once", &headers, OTHER).await.status, 202);
    word.send(Ok(())).unwrap();
    sent.await.unwrap().check_problem(401);
}

#[tokio::test]
async fn a_value_that_could_not_be_kept_is_kept_by_the_repeat() {
    let memory = Brittle::open().await;
    let stage = gateway(Some(&memory)).await;
    let (word, sent) = under_way(&stage, OKR).await;
    memory.set_down(true);
    word.send(Ok(())).unwrap();
    sent.await.unwrap().check_problem(503);
    send(&stage, "n-1", OKR).await.check_problem(503);
    memory.set_down(false);
    let again = send(&stage, "n-1", OKR).await;
    assert_eq!((again.status, again.json()["duplicates"].clone()), (202, 1.into()));
    send(&stage, "n-1", OTHER).await.check_problem(401);
    assert_eq!(stage.log.records("okr.events").len(), 1);
}

#[tokio::test]
async fn without_the_store_nobody_is_let_in() {
    let memory = Brittle::open().await;
    let stage = gateway(Some(&memory)).await;
    memory.set_down(true);
    let refused = send(&stage, "n-1", OKR).await;
    refused.check_problem(503);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(stage.log.count(), 0);
    let alone = gateway(None).await;
    send(&alone, "n-1", OKR).await.check_problem(503);
}

#[tokio::test]
async fn a_batch_has_one_value() {
    let memory = Brittle::open().await;
    let stage = gateway(Some(&memory)).await;
    let body = [b"[", OKR, b",", OTHER, b"]"].concat();
    let headers = signed(Some("n-1"), &body);
    let first = post(stage.address, "/in/once/batch", &headers, &body).await;
    assert_eq!(first.status, 202);
    let kept = stage.log.count();
    let other = gateway(Some(&memory)).await;
    let again = post(other.address, "/in/once/batch", &headers, &body).await.json();
    for (nth, item) in again["items"].as_array().unwrap().iter().enumerate() {
        assert_eq!(item["duplicates"], 1);
        assert_eq!(item["accepted"][0]["event_id"], first.json()["items"][nth]["accepted"][0]["event_id"]);
    }
    assert_eq!((stage.log.count(), other.log.count()), (kept, 0));
    send(&stage, "n-1", OKR).await.check_problem(401);
}

#[tokio::test]
async fn an_old_value_is_forgotten() {
    let memory = Brittle::open().await;
    let stage = gateway(Some(&memory)).await;
    send(&stage, "n-1", OKR).await;
    memory.advance(599);
    crate::once::prune_all(&*memory, &stage.door).await;
    send(&stage, "n-1", OTHER).await.check_problem(401);
    memory.advance(2);
    crate::once::prune_all(&*memory, &stage.door).await;
    assert_eq!(send(&stage, "n-1", OTHER).await.status, 202);
    assert_eq!(memory.prune_nonces("once", Duration::ZERO).await.unwrap(), 1);
}

#[tokio::test]
async fn the_values_of_a_source_that_is_no_more_are_forgotten_too() {
    let memory = Brittle::open().await;
    let stage = gateway(Some(&memory)).await;
    let used = Used { content: [1; 32], answer: b"{}".to_vec() };
    memory.keep_nonce("gone", &[1; 32], &used).await.unwrap();
    // A day is too soon: another gateway may be configured otherwise.
    memory.advance(24 * 3600);
    crate::once::prune_all(&*memory, &stage.door).await;
    assert_eq!(memory.nonce_sources().await.unwrap(), ["gone"]);
    memory.advance(7 * 24 * 3600);
    crate::once::prune_all(&*memory, &stage.door).await;
    assert_eq!(memory.nonce_sources().await.unwrap(), Vec::<String>::new());
}
