//! Asks a broker for its metadata in the Kafka protocol itself, so that the harness needs no client library.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Metadata, version 4: correlation id 1, no client id, no topics, no creation of topics.
const ASK: [u8; 19] = [0, 0, 0, 15, 0, 3, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0, 0];
/// Length, correlation id, throttle time; then the number of brokers.
const ANSWER_HEAD: usize = 16;

/// Whether the broker at this address serves clients: its metadata names at least one broker that is up.
pub async fn broker_answers(address: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(&ASK).await.ok()?;
        let mut head = [0; ANSWER_HEAD];
        stream.read_exact(&mut head).await.ok()?;
        Some(i32::from_be_bytes([head[12], head[13], head[14], head[15]]) > 0)
    };
    timeout(Duration::from_secs(2), ask).await.ok().flatten().unwrap_or(false)
}
