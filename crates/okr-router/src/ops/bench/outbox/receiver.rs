//! The receiver: a process of its own that answers every POST with 204 and counts. It does as little as can be done,
//! for it shares the machine with what is measured.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// Another process of this program that receives; it ends with its handle, and with us however we end.
pub struct Receiver {
    _child: Child,
    orders: ChildStdin,
    words: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Receiver {
    pub async fn start() -> Result<Self> {
        let program = std::env::current_exe().context("our own program is not known")?;
        let mut command = Command::new(program);
        command.args(["bench", "outbox", "--receive"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().context("the receiver did not start")?;
        let orders = child.stdin.take().context("the receiver has no stdin")?;
        let words = child.stdout.take().context("the receiver has no stdout")?;
        let mut words = BufReader::new(words).lines();
        let address = words.next_line().await?.context("the receiver ended at once")?;
        Ok(Self { _child: child, orders, words, address })
    }

    /// Where to post.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How many came since it was asked last.
    pub async fn received(&mut self) -> Result<u64> {
        self.orders.write_all(b"\n").await.context("the receiver has gone")?;
        let word = self.words.next_line().await?.context("the receiver has gone")?;
        word.parse().context("the receiver did not answer with a number")
    }
}

/// Is the receiver: says its address, then for each line on stdin how many came since; ends with stdin.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no port to receive on")?;
    crate::ops::put(&format!("{}\n", listener.local_addr()?))?;
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&counted)));
        }
    });
    let orders = tokio::task::spawn_blocking(move || {
        for order in std::io::stdin().lines() {
            order?;
            crate::ops::put(&format!("{}\n", count.swap(0, Ordering::Relaxed)))?;
        }
        Ok(())
    });
    orders.await?
}

async fn answer(mut stream: TcpStream, count: Arc<AtomicU64>) {
    let _ = stream.set_nodelay(true);
    let mut read = Vec::with_capacity(4 << 10);
    loop {
        while let Some(length) = request_bytes(&read).filter(|length| *length <= read.len()) {
            read.drain(..length);
            count.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut read).await {
            Ok(bytes) if bytes > 0 => {}
            _ => return,
        }
    }
}

/// How long the request is that `read` begins with, once its head is there.
pub fn request_bytes(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let lines = read[..head].split(|byte| *byte == b'\n');
    let mut length = lines.filter_map(|line| {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + length.next_back().unwrap_or_default())
}
