//! Sizes, connections and slow senders.

use std::{io::Write, time::Duration};

use boot::{Bytes, Span};
use flate2::{Compression, write::GzEncoder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{CHECK_IN, OKR, client, config, source, stage, stage_with, until};
use crate::GatewayConfig;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn body_of(bytes: usize) -> Vec<u8> {
    let head = br#"{"type":"custom.updated","subject":{"id":"1"},"note":""#;
    let mut body = head.to_vec();
    body.resize(bytes - 2, b'x');
    body.extend_from_slice(b"\"}");
    body
}

#[tokio::test]
async fn a_body_of_exactly_the_cap_passes_and_a_byte_more_does_not() {
    let stage = stage_with(GatewayConfig { body_max: Bytes(10_000), ..config() }).await;
    assert_eq!(stage.send("tracker", &body_of(10_000)).await.status, 202);
    stage.send("tracker", &body_of(10_001)).await.check_problem(413);
    // Far beyond the cap the sender still sees the answer, not a broken connection.
    stage.send("tracker", &body_of(4_000_000)).await.check_problem(413);
    assert_eq!(stage.log.records("okr.events").len(), 1);
}

#[tokio::test]
async fn a_body_without_a_length_is_capped_as_it_comes() {
    let stage = stage_with(GatewayConfig { body_max: Bytes(10_000), ..config() }).await;
    let chunked = |bytes: usize| {
        let body = body_of(bytes);
        let mut request =
            "POST /in/open HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
                .to_owned();
        for chunk in body.chunks(1000) {
            request.push_str(&format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap()));
        }
        request.push_str("0\r\n\r\n");
        let address = stage.address;
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            client::read(stream).await
        }
    };
    assert_eq!(chunked(10_000).await.status, 202);
    chunked(10_001).await.check_problem(413);
}

#[tokio::test]
async fn gzip_is_proven_over_the_wire_and_capped_when_inflated() {
    let stage = stage_with(GatewayConfig { body_max: Bytes(10_000), ..config() }).await;
    let coded = [("content-encoding", "gzip")];
    let packed = gzip(OKR);
    let reply = stage.send_as("tracker", "", &packed, &coded).await;
    assert_eq!(reply.json()["accepted"][0]["type"], "okr.objective.updated");
    let arrival = super::Fake::arrival(&stage.log.records("okr.arrivals")[0]);
    assert_eq!(
        (arrival.body.as_ref(), arrival.headers["content-encoding"].as_str()),
        (packed.as_slice(), "gzip")
    );
    let bomb = gzip(&body_of(5_000_000));
    assert!(bomb.len() < 10_000);
    stage.send_as("tracker", "", &bomb, &coded).await.check_problem(413);
    // A signature over the inflated body proves nothing about the bytes that came.
    let mut headers = source("tracker").sign(OKR, jiff::Timestamp::now());
    headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
    client::post(stage.address, "/in/tracker", &headers, &packed).await.check_problem(401);
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_refused() {
    let stage = stage().await;
    let many: Vec<(String, String)> = (0..120).map(|nth| (format!("x-{nth}"), "1".to_owned())).collect();
    client::post(stage.address, "/in/open", &many, OKR).await.check_problem(431);
    let long = [("x-long".to_owned(), "y".repeat(40_000))];
    client::post(stage.address, "/in/open", &long, OKR).await.check_problem(431);
}

#[tokio::test]
async fn a_sender_that_dawdles_or_breaks_off_is_not_waited_for() {
    let stage = stage_with(GatewayConfig { request_deadline: Span::millis(800), ..config() }).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let head = "POST /in/open HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 500\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    let reading = tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut answer));
    reading.await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    drop(stream);
    assert_eq!(stage.log.count(), 0);
}

#[tokio::test]
async fn connections_beyond_the_cap_are_told_to_come_again() {
    let stage = stage_with(GatewayConfig { connections_max: 1, ..config() }).await;
    let mut first = TcpStream::connect(stage.address).await.unwrap();
    let head = format!("POST /in/open HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", OKR.len());
    first.write_all(head.as_bytes()).await.unwrap();
    let mut turned_away = client::post(stage.address, "/in/open", &[], OKR).await;
    for _ in 0..100 {
        // The first one's place may be taken a moment after its connection is there.
        if turned_away.status == 503 {
            break;
        }
        turned_away = client::post(stage.address, "/in/open", &[], OKR).await;
    }
    turned_away.check_problem(503);
    assert_eq!(turned_away.header("retry-after"), Some("1"));
    first.write_all(OKR).await.unwrap();
    let mut answer = vec![0; 12];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 202");
    drop(first);
}

#[tokio::test]
async fn one_connection_carries_many_deliveries() {
    let stage = stage().await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    for nth in 0..20 {
        let mut head = format!("POST /in/acme HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", CHECK_IN.len());
        for (name, value) in source("acme").sign_as(&format!("m{nth}"), CHECK_IN, jiff::Timestamp::now()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        stream.write_all(CHECK_IN).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\"pending\":0}") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
        assert!(answer.starts_with(b"HTTP/1.1 202"));
    }
    until("all are kept", || stage.log.records("okr.events").len() == 20).await;
}

#[tokio::test]
async fn what_is_no_http_is_told_so_as_a_problem_too() {
    let stage = stage().await;
    let address = stage.address;
    let say = |words: String| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        client::read(stream).await
    };
    let head = |rest: &str| format!("POST /in/open HTTP/1.1\r\nhost: x\r\n{rest}\r\n");
    say("hello\r\n\r\n".to_owned()).await.check_problem(400);
    say(head("content-length: 5\r\ncontent-length: 6\r\n")).await.check_problem(400);
    say(head("content-length: many\r\n")).await.check_problem(400);
    for length in
        ["18446744073709551613", "18446744073709551614", "18446744073709551615", "18446744073709551616"]
    {
        let told = say(head(&format!("content-length: {length}\r\n"))).await;
        told.check_problem(if length.ends_with('3') { 413 } else { 400 });
    }
    say(head("a name: with a blank\r\n")).await.check_problem(400);
    say(head(&"x: y\r\n".repeat(500))).await.check_problem(431);
    assert_eq!(stage.log.count(), 0);
}

#[tokio::test]
async fn a_cap_beyond_all_connections_is_no_cap() {
    let stage = stage_with(GatewayConfig { connections_max: usize::MAX, ..config() }).await;
    assert_eq!(client::post(stage.address, "/in/open", &[], OKR).await.status, 202);
}
