//! The end: what is being handled is answered, and nobody can make it longer.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    time::timeout,
};

use super::{OKR, client, log::Act, stage, until};

/// Far below the deadline of a request and the time for a head.
const PROMPT: Duration = Duration::from_secs(4);

#[tokio::test]
async fn half_a_head_holds_nothing_up() {
    let stage = stage().await;
    let mut fresh = TcpStream::connect(stage.address).await.unwrap();
    fresh.write_all(b"POST /in/x HT").await.unwrap();
    // This one was answered before, and begins again.
    let mut old = TcpStream::connect(stage.address).await.unwrap();
    old.write_all(b"GET /in/x HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut start = [0; 12];
    old.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 404");
    old.write_all(b"POST /in/x HT").await.unwrap();
    stage.shutdown.cancel();
    let flush_max = timeout(PROMPT, stage.serving).await.expect("it ends").unwrap();
    assert!(flush_max > Duration::from_secs(10), "the producer has what is left: {flush_max:?}");
    assert_eq!(fresh.read(&mut start).await.unwrap_or(0), 0, "it is closed");
}

#[tokio::test]
async fn a_request_that_is_being_handled_is_answered_however_long_it_takes_within_its_deadline() {
    let stage = stage().await;
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let address = stage.address;
    let asking = tokio::spawn(async move { client::post(address, "/in/open", &[], OKR).await });
    until("it is on its way", || stage.log.count() == 2).await;
    stage.shutdown.cancel();
    until("no more is accepted", || std::net::TcpListener::bind(address).is_ok()).await;
    // Longer than a connection stays on which nothing is asked.
    tokio::time::sleep(Duration::from_millis(700)).await;
    say.send(Ok(())).unwrap();
    assert_eq!(asking.await.unwrap().status, 202);
    timeout(PROMPT, stage.serving).await.expect("it ends").unwrap();
}
