//! The same delivery again: later, at once, and with another content.

use futures::future::join_all;
use tokio::sync::oneshot;

use super::{
    CHECK_IN, OKR,
    log::{Act, Fake},
    stage, stage_with, until,
};
use crate::GatewayConfig;
use boot::Span;

fn changed() -> Vec<u8> {
    String::from_utf8(CHECK_IN.to_vec()).unwrap().replace("0.4", "0.5").into_bytes()
}

#[tokio::test]
async fn a_repeat_gets_the_same_ids_and_nothing_new_is_kept() {
    let stage = stage().await;
    let first = stage.send("acme", CHECK_IN).await.json();
    let again = stage.send("acme", CHECK_IN).await;
    assert_eq!(again.status, 202);
    let mut expected = first.clone();
    expected["accepted"][0]["duplicate"] = true.into();
    expected["duplicates"] = 1.into();
    assert_eq!(again.json(), expected);
    assert_eq!(stage.log.count(), 2);
    // Another delivery of the same words is news.
    assert_eq!(stage.send_as("acme", "msg_2", CHECK_IN, &[]).await.json()["duplicates"], 0);
    // Another source's delivery of the same id is news too.
    assert_eq!(stage.send_as("open", "", OKR, &[]).await.json()["duplicates"], 0);
    assert_eq!(stage.send_as("tracker", "", OKR, &[]).await.json()["duplicates"], 0);
    assert_eq!(stage.send_as("tracker", "", OKR, &[]).await.json()["duplicates"], 1);
}

#[tokio::test]
async fn a_repeat_of_what_was_held_is_held_and_kept_once() {
    let stage = stage().await;
    let first = stage.send("acme", b"x").await.json();
    assert_eq!(stage.send("acme", b"x").await.json(), first);
    assert_eq!((first["held"].clone(), stage.log.count()), (1.into(), 2));
}

#[tokio::test]
async fn an_id_that_comes_again_with_another_content_is_held() {
    let stage = stage().await;
    let first = stage.send("acme", CHECK_IN).await.json();
    let reused = stage.send("acme", &changed()).await.json();
    assert_eq!((reused["held"].clone(), reused["reason"].clone()), (1.into(), "identity_reused".into()));
    let letters = stage.log.records("okr.dead.gateway");
    assert_eq!(letters[0].headers.get_str("okr-dead-reason"), Some("identity_reused"));
    assert_eq!(Fake::arrival(&letters[0]).body, changed());
    assert_eq!(stage.log.records("okr.events").len(), 1);
    // What came first stays what it is.
    let again = stage.send("acme", CHECK_IN).await.json();
    assert_eq!(again["accepted"][0]["event_id"], first["accepted"][0]["event_id"]);
    assert_eq!(again["duplicates"], 1);
    // A new time of sending is no new content.
    let restamped = String::from_utf8(CHECK_IN.to_vec()).unwrap().replace("10:15:00", "10:16:00");
    assert_eq!(stage.send("acme", restamped.as_bytes()).await.json()["duplicates"], 1);
}

#[tokio::test]
async fn twins_wait_for_the_first_ones_outcome() {
    let stage = stage().await;
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let sending = join_all((0..5).map(|_| stage.send("acme", CHECK_IN)));
    let saying = async {
        until("the first is on its way", || stage.log.count() == 2).await;
        say.send(Ok(())).unwrap();
    };
    let (replies, ()) = tokio::join!(sending, saying);
    let ids: Vec<_> = replies.iter().map(|reply| reply.json()["accepted"][0]["event_id"].clone()).collect();
    assert!(
        replies.iter().all(|reply| reply.status == 202) && ids.iter().all(|id| *id == ids[0]),
        "{replies:?}"
    );
    let duplicates = replies.iter().filter(|reply| reply.json()["duplicates"] == 1).count();
    assert_eq!((duplicates, stage.log.count()), (4, 2));
}

#[tokio::test]
async fn when_the_first_fails_a_twin_tries_for_itself() {
    let stage = stage().await;
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let sending = join_all((0..3).map(|_| stage.send("acme", CHECK_IN)));
    let saying = async {
        until("the first is on its way", || stage.log.count() == 2).await;
        say.send(Err(bus::SendError::Unacknowledged("test".to_owned()))).unwrap();
    };
    let (replies, ()) = tokio::join!(sending, saying);
    let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((count(503), count(202)), (1, 2), "{replies:?}");
    let events = stage.log.records("okr.events");
    assert_eq!(events.len(), 2);
    assert_eq!(Fake::event(&events[0]).event_id, Fake::event(&events[1]).event_id);
}

#[tokio::test]
async fn a_twin_with_another_content_does_not_slip_through() {
    let stage = stage().await;
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let (other, another) = (changed(), changed());
    let first = stage.send("acme", CHECK_IN);
    let rest = async {
        until("the first is on its way", || stage.log.count() == 2).await;
        let twins = async { tokio::join!(stage.send("acme", &other), stage.send("acme", &another)) };
        let saying = async { say.send(Ok(())).unwrap() };
        tokio::join!(twins, saying).0
    };
    let (first, (one, two)) = tokio::join!(first, rest);
    assert_eq!(first.json()["held"], 0);
    assert_eq!(
        (one.json()["reason"].clone(), two.json()["held"].clone()),
        ("identity_reused".into(), 1.into())
    );
}

#[tokio::test]
async fn a_twin_waits_no_longer_than_its_own_deadline() {
    let stage = stage_with(GatewayConfig { request_deadline: Span::millis(900), ..super::config() }).await;
    stage.log.then(Act::Hang);
    let started = std::time::Instant::now();
    let (one, two) = tokio::join!(stage.send("acme", CHECK_IN), stage.send("acme", CHECK_IN));
    one.check_problem(503);
    two.check_problem(503);
    assert!(started.elapsed() < std::time::Duration::from_millis(900), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_was_held_is_accepted_once_it_is_mended() {
    let stage = stage().await;
    assert_eq!(stage.send("acme", b"x").await.json()["held"], 1);
    assert_eq!(stage.send("acme", CHECK_IN).await.json()["accepted"][0]["type"], "okr.key_result.checked_in");
    assert_eq!(stage.send("acme", CHECK_IN).await.json()["duplicates"], 1);
}
