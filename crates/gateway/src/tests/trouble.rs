//! Kafka or the registry fails: 503 inside the deadline, never a hang, never a 2xx for what may be lost.

use std::time::{Duration, Instant};

use boot::Span;
use bus::SendError;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::oneshot};

use super::{
    CHECK_IN, OKR, Stage, client, config,
    log::{Act, Fake, Registry},
    source, stage, stage_with, until,
};
use crate::GatewayConfig;

#[track_caller]
fn check_unavailable(reply: &client::Reply) {
    reply.check_problem(503);
    assert!(reply.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn every_refusal_of_kafka_is_a_503_and_the_retry_has_the_same_ids() {
    let stage = stage().await;
    let unacknowledged = || SendError::Unacknowledged("test".to_owned());
    for act in [
        Act::Fail(unacknowledged()),
        Act::Refuse(SendError::QueueFull),
        Act::Refuse(SendError::Closed),
        Act::Fail(SendError::Refused("no topic".to_owned())),
    ] {
        stage.log.then(act);
        check_unavailable(&stage.send("acme", CHECK_IN).await);
    }
    // The event is acknowledged but its arrival is not: both, or it did not happen.
    stage.log.then(Act::Ack);
    stage.log.then(Act::Fail(unacknowledged()));
    check_unavailable(&stage.send("acme", CHECK_IN).await);
    let accepted = stage.send("acme", CHECK_IN).await;
    assert_eq!((accepted.status, accepted.json()["duplicates"].clone()), (202, 0.into()));
    let ids: std::collections::HashSet<String> = stage
        .log
        .records("okr.events")
        .iter()
        .map(|record| Fake::event(record).event_id.to_string())
        .collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn an_event_that_no_topic_takes_is_held_and_its_repeat_is_known() {
    let stage = stage().await;
    for (nth, act) in
        [Act::Refuse(SendError::TooLarge), Act::Fail(SendError::TooLarge)].into_iter().enumerate()
    {
        let id = format!("msg_{nth}");
        stage.log.then(act);
        let reply = stage.send_as("acme", &id, CHECK_IN, &[]).await;
        assert_eq!(
            (reply.status, &reply.json()["held"], &reply.json()["reason"]),
            (202, &1.into(), &"too_large".into())
        );
        let letters = stage.log.records("okr.dead.gateway");
        assert_eq!(
            (letters.len(), letters[nth].headers.get_str("okr-dead-reason")),
            (nth + 1, Some("too_large"))
        );
        assert_eq!(Fake::arrival(&letters[nth]).body, CHECK_IN, "the letter has all that came");
        let before = stage.log.count();
        assert_eq!(stage.send_as("acme", &id, CHECK_IN, &[]).await.json()["held"], 1);
        assert_eq!(stage.log.count(), before, "the repeat is a repeat");
    }
    // An arrival that is too large is nothing that could be held.
    for _ in 0..3 {
        stage.log.then(Act::Fail(SendError::TooLarge));
    }
    check_unavailable(&stage.send_as("acme", "msg_9", CHECK_IN, &[]).await);
    assert_eq!(stage.log.records("okr.dead.gateway").len(), 2);
}

#[tokio::test]
async fn a_held_delivery_needs_both_its_records_too() {
    let stage = stage().await;
    stage.log.then(Act::Ack);
    stage.log.then(Act::Fail(SendError::QueueFull));
    check_unavailable(&stage.send("acme", b"x").await);
    assert_eq!(stage.send("acme", b"x").await.json()["held"], 1);
}

async fn check_in_time(stage: &Stage) {
    let started = Instant::now();
    check_unavailable(&stage.send("acme", CHECK_IN).await);
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_hangs_is_answered_inside_the_deadline() {
    let stage = stage_with(GatewayConfig { request_deadline: Span::millis(900), ..config() }).await;
    stage.log.then(Act::Hang);
    check_in_time(&stage).await;
    stage.log.registry(Some(Registry::Hang));
    let started = Instant::now();
    check_unavailable(&stage.send_as("acme", "msg_2", CHECK_IN, &[]).await);
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_registry_that_is_down_is_a_503_and_heals() {
    let stage = stage().await;
    stage.log.registry(Some(Registry::Down));
    check_unavailable(&stage.send("acme", CHECK_IN).await);
    check_unavailable(&stage.send("acme", b"x").await);
    assert_eq!(stage.log.count(), 0);
    stage.log.registry(None);
    assert_eq!(stage.send("acme", CHECK_IN).await.status, 202);
}

#[tokio::test]
async fn an_acknowledgement_after_the_deadline_still_counts_for_the_retry() {
    let stage = stage_with(GatewayConfig { request_deadline: Span::millis(900), ..config() }).await;
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    check_unavailable(&stage.send("acme", CHECK_IN).await);
    say.send(Ok(())).unwrap();
    let again = stage.send("acme", CHECK_IN).await;
    assert_eq!((again.status, again.json()["duplicates"].clone()), (202, 1.into()));
    assert_eq!(stage.log.count(), 2);
}

#[tokio::test]
async fn a_sender_that_goes_away_does_not_undo_what_is_on_its_way() {
    let stage = stage().await;
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let mut head = format!("POST /in/acme HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", CHECK_IN.len());
    for (name, value) in source("acme").sign_as("msg_1", CHECK_IN, jiff::Timestamp::now()) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    stream.write_all(CHECK_IN).await.unwrap();
    until("it is on its way", || stage.log.count() == 2).await;
    drop(stream);
    say.send(Ok(())).unwrap();
    let again = stage.send("acme", CHECK_IN).await;
    assert_eq!((again.status, again.json()["duplicates"].clone()), (202, 1.into()));
}

#[tokio::test]
async fn shutting_down_finishes_what_is_in_flight_and_takes_nothing_more() {
    let stage = stage().await;
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let idle = TcpStream::connect(stage.address).await.unwrap();
    let sending = stage.send("tracker", OKR);
    let stopping = async {
        until("it is on its way", || stage.log.count() == 2).await;
        stage.shutdown.cancel();
        let refused = || std::net::TcpStream::connect(stage.address).is_err();
        until("nobody is let in any more", refused).await;
        assert!(!stage.serving.is_finished());
        say.send(Ok(())).unwrap();
    };
    let (reply, ()) = tokio::join!(sending, stopping);
    assert_eq!(reply.status, 202);
    tokio::time::timeout(Duration::from_secs(5), stage.serving).await.unwrap().unwrap();
    drop(idle);
}

#[tokio::test]
async fn a_taken_address_is_named_with_its_key() {
    let stage = stage().await;
    let error = crate::server::listen(stage.address).await.unwrap_err().to_string();
    assert!(error.contains(&stage.address.to_string()) && error.contains("gateway.listen"), "{error}");
}
