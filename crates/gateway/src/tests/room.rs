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

/// Room for four bodies, two of which may be unfinished.
async fn small() -> Stage {
    let config = GatewayConfig { body_max: Bytes(1_000), in_flight_bytes_max: Bytes(4_000), ..config() };
    stage_with(GatewayConfig { trusted_proxies: vec!["127.0.0.1".to_owned()], ..config }).await
}

async fn begun(stage: &Stage, announced: usize, sent: usize) -> TcpStream {
    begun_by(stage, "192.0.2.1", announced, sent).await
}

async fn begun_by(stage: &Stage, client: &str, announced: usize, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let head = format!(
        "POST /in/open HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\nconnection: close\r\ncontent-length: {announced}\r\n\r\n"
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
async fn unfinished_bodies_have_half_of_the_room_and_finished_ones_the_rest() {
    let stage = small().await;
    let slow = [begun_by(&stage, "192.0.2.2", 1_000, 990).await, begun(&stage, 1_000, 960).await];
    until("both are charged", || stage.door.unfinished() == 1_950).await;
    assert_eq!(stage.door.in_flight(), 1_950);
    // A body without a length is refused once it has grown too far and more of it is to come.
    let chunked =
        "POST /in/open HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let chunks = format!("32\r\n{}\r\n32\r\n{}\r\n", " ".repeat(50), " ".repeat(50));
    stream.write_all(format!("{chunked}{chunks}").as_bytes()).await.unwrap();
    check_full(&client::read(stream).await);
    // One whose end has come with it takes no share.
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(format!("{chunked}{chunks}0\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(client::read(stream).await.status, 202);
    // What comes in one piece has room.
    assert_eq!(client::post(stage.address, "/in/open", &[], OKR).await.status, 202);
    // Those who go away leave room.
    drop(slow);
    until("all is given back", || stage.door.in_flight() + stage.door.unfinished() == 0).await;
    // Who announces much and sends nothing takes nobody's place.
    let _idle: Vec<_> = futures::future::join_all((0..9).map(|_| begun(&stage, 1_000, 0))).await;
    assert_eq!(client::post(stage.address, "/in/open", &[], OKR).await.status, 202);
    until("all is given back", || stage.door.in_flight() == 0).await;
}

/// As many as would fill the room of a gateway with the default configuration.
#[tokio::test]
async fn stalled_bodies_of_strangers_keep_nobody_out_and_are_given_up() {
    let proxies = vec!["127.0.0.1".to_owned()];
    let stage = stage_with(GatewayConfig { trusted_proxies: proxies, ..config() }).await;
    let body = [OKR, &vec![b' '; 300_000]].concat();
    let mut stalled = Vec::new();
    for _ in 0..40 {
        stalled.push(begun(&stage, 512 << 10, 500_000).await);
    }
    until("they have what one sender may", || stage.door.unfinished() > 5_500_000).await;
    let honest = [("x-forwarded-for".to_owned(), "198.51.100.7".to_owned())];
    // One in a piece, one in many.
    assert_eq!(client::post(stage.address, "/in/open", &honest, OKR).await.status, 202);
    assert_eq!(client::post(stage.address, "/in/open", &honest, &body).await.status, 202);
    assert!(stage.door.unfinished() <= 6 << 20, "a share is left for others");
    // It is crowded, and then nobody may stall.
    until("it is crowded no more", || stage.door.unfinished() <= 4 << 20).await;
    let told = futures::future::join_all(stalled.iter_mut().map(told)).await;
    assert!(
        told.iter().any(|told| told.contains(" 503 ")
            && told.contains("retry-after: ")
            && told.contains("came too slowly")),
        "{told:?}"
    );
}

/// What a connection was told until its end.
async fn told(stream: &mut TcpStream) -> String {
    let mut told = Vec::new();
    // Some end by a reset, for not all that was sent was read.
    let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut told)).await;
    String::from_utf8_lossy(&told).into_owned()
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
    let config = GatewayConfig { body_max: Bytes(1_000), in_flight_bytes_max: Bytes(2_000), ..config() };
    let stage = stage_with(config).await;
    let body = format!("[{}]", " ".repeat(900));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, body.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let headers = [("content-encoding".to_owned(), "gzip".to_owned())];
    // There is room for the packed one only.
    let (say, word) = oneshot::channel();
    stage.log.then(Act::Wait(word));
    let mut under_way = begun(&stage, 1_000, 0).await;
    let mut whole = OKR.to_vec();
    whole.resize(1_000, b' ');
    under_way.write_all(&whole).await.unwrap();
    let slow = begun(&stage, 1_000, 600).await;
    until("both are charged", || stage.door.in_flight() == 1_600).await;
    check_full(&client::post(stage.address, "/in/open/batch", &headers, &packed).await);
    assert_eq!(stage.door.in_flight(), 1_600);
    say.send(Ok(())).unwrap();
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
