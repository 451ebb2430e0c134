//! A remote on a port of its own that answers every request in the way it was told, and remembers what it saw.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::TOKEN;

/// How it answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Status, further headers as they stand on the wire, body.
    Answer(u16, &'static str, Vec<u8>),
    /// Reads the request and says nothing.
    Hang,
    /// Answers with this status and begins a body that never ends.
    Drip(u16),
    /// Answers with this status and closes in the middle of the body.
    Cut(u16),
    /// Reads the request and closes.
    Close,
    /// Reads the request and answers with something that is not HTTP.
    Garbage,
}

impl Reply {
    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::Answer(status, "", body.into())
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Request line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Listens until it is dropped.
pub(crate) struct Fake {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that gives up half-way is no failure of the fake.
                tokio::spawn(serve(stream, reply.clone(), kept.clone()));
            }
        });
        Self { address, seen, serving }
    }

    /// Shaped like a Slack webhook's URL, with the secret in it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/services/T0000/B0000/{TOKEN}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(stream: TcpStream, reply: Reply, kept: Arc<Mutex<Vec<Seen>>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while stream.read_line(&mut head).await? > 2 {}
    let mut body = vec![0; content_length(&head)];
    stream.read_exact(&mut body).await?;
    kept.lock().expect("no panic").push(Seen { head: head.to_lowercase(), body });
    match reply {
        Reply::Answer(status, headers, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
            stream.shutdown().await
        }
        Reply::Hang => {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.map(drop)
        }
        Reply::Drip(status) => {
            let head = format!("HTTP/1.1 {status} X\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n");
            stream.write_all(head.as_bytes()).await?;
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.map(drop)
        }
        Reply::Cut(status) => {
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\no");
            stream.write_all(head.as_bytes()).await
        }
        Reply::Close => Ok(()),
        Reply::Garbage => stream.write_all(b"\x00\x01 I am not HTTP \xff\r\n\r\n").await,
    }
}

fn content_length(head: &str) -> usize {
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.and_then(|length| length.trim().parse().ok()).unwrap_or_default()
}
