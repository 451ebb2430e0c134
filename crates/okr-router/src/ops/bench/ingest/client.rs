//! The sender: many connections, each with one request on its way, over plain sockets so that it costs little.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// What both sides sign with; it protects nothing.
pub const SECRET: &str = "a secret of the bench";
/// Bytes of a body.
pub const BODY_BYTES: usize = 2_048;
/// Subjects that the bodies are about.
const SUBJECTS: u64 = 1_000;
/// Webhooks of a batch.
pub const BATCH: u64 = 100;
/// How long an answer may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("no connection")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(4 << 10) })
    }

    /// Delivers one webhook and waits for its 202.
    async fn deliver(&mut self, request: &[u8]) -> Result<()> {
        let exchange = async {
            self.stream.write_all(request).await?;
            self.read.clear();
            loop {
                if let Some((status, end)) = answer(&self.read)
                    && self.read.len() >= end
                {
                    ensure!(status == 202, "the answer was {}", String::from_utf8_lossy(&self.read));
                    return Ok(());
                }
                ensure!(self.stream.read_buf(&mut self.read).await? > 0, "the connection was closed");
            }
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(done) => done,
            Err(_) => bail!("no answer within {} s", PATIENCE.as_secs()),
        }
    }
}

/// Status and length of the answer that `read` begins with, once its head is there.
pub fn answer(read: &[u8]) -> Option<(u16, usize)> {
    let head = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some((status, head + length.unwrap_or_default()))
}

/// Connections that are open, and were asked once.
pub struct Crowd {
    lines: Vec<Line>,
    numbers: Arc<AtomicU64>,
}

impl Crowd {
    /// Opens so many, and delivers a webhook over each: what a connection costs is not what a request costs.
    pub async fn open(address: SocketAddr, connections: u64, numbers: &Arc<AtomicU64>) -> Result<Self> {
        let mut lines = Vec::new();
        for _ in 0..connections {
            lines.push(Line::open(address).await?);
        }
        let mut crowd = Self { lines, numbers: Arc::clone(numbers) };
        crowd.rush(connections).await?;
        Ok(crowd)
    }

    /// Sends so many webhooks, on each connection one as soon as the one before is answered.
    pub async fn rush(&mut self, webhooks: u64) -> Result<()> {
        self.hurry(webhooks, 1).await
    }

    /// Sends so many webhooks in batches.
    pub async fn pile(&mut self, webhooks: u64) -> Result<()> {
        self.hurry(webhooks.div_ceil(BATCH), BATCH).await
    }

    /// `each` is how many webhooks one request carries.
    async fn hurry(&mut self, requests: u64, each: u64) -> Result<()> {
        let left = Arc::new(AtomicU64::new(requests));
        let mut under_way = JoinSet::new();
        for mut line in self.lines.drain(..) {
            let (left, numbers) = (Arc::clone(&left), Arc::clone(&self.numbers));
            under_way.spawn(async move {
                let one_less = |left: u64| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
                    let number = numbers.fetch_add(each, Ordering::Relaxed);
                    let request = if each == 1 { request(number) } else { batch(number..number + each) };
                    line.deliver(&request).await?;
                }
                Ok::<_, anyhow::Error>(line)
            });
        }
        while let Some(ended) = under_way.join_next().await {
            self.lines.push(ended?.context("a webhook was not accepted")?);
        }
        Ok(())
    }
}

/// Sends at a steady pace and says how long each answer took, sorted.
pub async fn stroll(
    address: SocketAddr,
    per_second: u32,
    requests: u64,
    numbers: &Arc<AtomicU64>,
) -> Result<Vec<Duration>> {
    let mut lines = Vec::new();
    for _ in 0..per_second.div_ceil(10) {
        lines.push(Line::open(address).await?);
    }
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut under_way, mut took) = (JoinSet::new(), Vec::new());
    for _ in 0..requests {
        ticks.tick().await;
        let mut line = match lines.pop() {
            Some(line) => line,
            None => Line::open(address).await?,
        };
        let request = request(numbers.fetch_add(1, Ordering::Relaxed));
        under_way.spawn(async move {
            let start = Instant::now();
            line.deliver(&request).await?;
            Ok::<_, anyhow::Error>((line, start.elapsed()))
        });
        while let Some(ended) = under_way.try_join_next() {
            let (line, time) = ended??;
            lines.push(line);
            took.push(time);
        }
    }
    while let Some(ended) = under_way.join_next().await {
        took.push(ended??.1);
    }
    took.sort_unstable();
    Ok(took)
}

/// The whole request of webhook number `n`, signed.
fn request(number: u64) -> Vec<u8> {
    signed("/in/bench", &body(number))
}

/// The same webhooks as one request.
fn batch(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let bodies: Vec<Vec<u8>> = numbers.map(body).collect();
    signed("/in/bench/batch", &[b"[", bodies.join(&b","[..]).as_slice(), b"]"].concat())
}

fn signed(path: &str, body: &[u8]) -> Vec<u8> {
    // A key of any length will do.
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).map(|mac| mac.chain_update(body));
    let signature = mac.map(|mac| hex::encode(mac.finalize().into_bytes())).unwrap_or_default();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nuser-agent: okr-router-bench\r\ncontent-type: application/json\r\nx-signature: {signature}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// A check-in of [`BODY_BYTES`], with everything that a tool would say.
pub fn body(number: u64) -> Vec<u8> {
    let subject = number % SUBJECTS;
    let mut body = format!(
        r#"{{"id":"delivery-{number}","type":"key_result.checked_in","occurred_at":"2026-05-04T09:30:00.250Z","subject":{{"id":"kr-{subject}","parent_id":"o-{}","title":"Bring the number of active teams to {subject}","url":"https://okr.example/key-results/{subject}"}},"department":"Sales","team":"Team {}","owner":{{"id":"u-{}","name":"A Name","email":"a.name@company.example"}},"cycle":{{"name":"2026 Q2","start":"2026-04-01","end":"2026-06-30"}},"metric":{{"start":10,"target":250,"current":{}.5,"unit":"teams"}},"confidence":0.7,"status":"on_track","previous":{{"progress":0.41,"status":"at_risk"}},"actor":"A Name","attributes":{{"region":"emea","quarter":"2"}},"note":""#,
        subject / 4,
        subject % 20,
        subject % 50,
        number % 250,
    );
    while body.len() < BODY_BYTES - 2 {
        body.push(if body.len() % 8 == 0 { ' ' } else { 'n' });
    }
    body.push_str("\"}");
    body.into_bytes()
}
