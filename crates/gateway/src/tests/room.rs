//! Bytes in flight: bounded, and given back on every way out.

use std::time::Duration;

use boot::{Bytes, Span};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

use super::{OKR, Stage, client, config, log::Act, source, stage_with, until};
use crate::GatewayConfig;

/// Room for two bodies and a bit.
async fn small() -> Stage {
    stage_with(GatewayConfig { body_max: Bytes(1_000), in_flight_bytes_max: Bytes(2_000), ..config() }).await
}

async fn begun(stage: &Stage, announced: usize, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let head = format!(
        "POST /in/open HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {announced}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; sent]).await.unwrap();
    stream
}

#[track_caller]
fn check_full(reply: &client::Reply) {
    reply.check_problem(503);
    assert!(reply.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn bodies_that_are_being_read_count_by_what_has_come() {
    let stage = small().await;
    let slow = [begun(&stage, 1_000, 990).await, begun(&stage, 1_000, 960).await];
    until("both are charged", || stage.door.in_flight() == 1_950).await;
    check_full(&client::post(stage.address, "/in/open", &[], OKR).await);
    // A body without a length is refused once it has grown too far.
    let chunked =
        "POST /in/open HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let chunk = format!("32\r\n{}\r\n32\r\n{}\r\n0\r\n\r\n", " ".repeat(50), " ".repeat(50));
    stream.write_all(format!("{chunked}{chunk}").as_bytes()).await.unwrap();
    check_full(&client::read(stream).await);
    // Those who go away leave room.
    drop(slow);
    until("all is given back", || stage.door.in_flight() == 0).await;
    assert_eq!(client::post(stage.address, "/in/open", &[], OKR).await.status, 202);
    // Who announces much and sends nothing takes nobody's place.
    let _idle = [begun(&stage, 1_000, 0).await, begun(&stage, 1_000, 0).await, begun(&stage, 1_000, 0).await];
    assert_eq!(client::post(stage.address, "/in/open", &[], OKR).await.status, 202);
    until("all is given back", || stage.door.in_flight() == 0).await;
}

#[tokio::test]
async fn what_is_on_its_way_counts_until_kafka_has_answered_even_without_its_sender() {
    let stage = small().await;
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let mut stream = begun(&stage, OKR.len(), 0).await;
    stream.write_all(OKR).await.unwrap();
    until("it is on its way", || stage.log.count() == 2).await;
    drop(stream);
    let mut unproven = source("tracker").sign(OKR, jiff::Timestamp::now());
    unproven[0].1.push('0');
    client::post(stage.address, "/in/tracker", &unproven, OKR).await.check_problem(401);
    assert_eq!(stage.door.in_flight(), OKR.len(), "the refused one gave back what it had");
    say.send(Ok(())).unwrap();
    until("all is given back", || stage.door.in_flight() == 0).await;
}

#[tokio::test]
async fn what_was_inflated_counts_too() {
    let stage = small().await;
    let body = format!("[{}]", " ".repeat(900));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, body.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let headers = [("content-encoding".to_owned(), "gzip".to_owned())];
    // There is room for the packed one only.
    let slow = [begun(&stage, 1_000, 600).await, begun(&stage, 1_000, 600).await];
    until("both are charged", || stage.door.in_flight() == 1_200).await;
    check_full(&client::post(stage.address, "/in/open/batch", &headers, &packed).await);
    assert_eq!(stage.door.in_flight(), 1_200);
    drop(slow);
    until("all is given back", || stage.door.in_flight() == 0).await;
    assert_eq!(client::post(stage.address, "/in/open/batch", &headers, &packed).await.status, 202);
    until("all is given back", || stage.door.in_flight() == 0).await;
}

#[tokio::test]
async fn a_dawdler_gives_back_what_it_had() {
    let config = GatewayConfig { request_deadline: Span::millis(800), ..config() };
    let stage = stage_with(config).await;
    let mut stream = begun(&stage, 1_000, 500).await;
    until("it is charged", || stage.door.in_flight() == 500).await;
    let mut answer = vec![0; 12];
    tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    until("all is given back", || stage.door.in_flight() == 0).await;
}
