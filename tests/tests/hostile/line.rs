//! A connection that says whatever it is told to, and hears HTTP.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// Longer than any deadline of the gateway in this suite.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back on one connection.
#[derive(Debug, Default)]
pub struct Heard {
    /// The final answers in their order, without 100.
    pub answers: Vec<Answer>,
    /// Whether 100 was said before.
    pub go_on: bool,
    /// Whether the gateway closed the connection.
    pub closed: bool,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Heard {
    pub fn statuses(&self) -> Vec<u16> {
        self.answers.iter().map(|answer| answer.status).collect()
    }
}

/// A connection to the gateway.
pub struct Line {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Line {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, heard: Vec::new() })
    }

    /// Says it, as far as the other side listens; what it has heard meanwhile is kept.
    pub async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (mut reading, mut writing) = self.stream.split();
        let (heard, saying) = (&mut self.heard, writing.write_all(bytes));
        tokio::pin!(saying);
        loop {
            tokio::select! {
                said = &mut saying => return said,
                read = reading.read_buf(heard) => {
                    if read? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    /// Says no more, and goes on listening.
    pub async fn hush(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Listens until there are so many final answers, or the connection is closed, or patience is at its end.
    pub async fn hear(&mut self, answers: usize) -> Heard {
        self.hear_until(answers, Instant::now() + PATIENCE).await
    }

    pub async fn hear_until(&mut self, answers: usize, end: Instant) -> Heard {
        loop {
            let mut heard = parse(&self.heard);
            if heard.answers.len() >= answers {
                return heard;
            }
            match timeout_at(end, self.stream.read_buf(&mut self.heard)).await {
                Ok(Ok(read)) if read > 0 => {}
                Ok(_) => {
                    heard.closed = true;
                    return heard;
                }
                Err(_) => return heard,
            }
        }
    }
}

/// Opens a connection, says it all, and hears so many answers. A gateway that hangs up while it is talked to is heard too.
pub async fn talk(address: SocketAddr, bytes: &[u8], answers: usize) -> io::Result<Heard> {
    let mut line = Line::open(address).await?;
    let _ = line.say(bytes).await;
    Ok(line.hear(answers).await)
}

/// The whole answers at the beginning of what was heard.
fn parse(mut bytes: &[u8]) -> Heard {
    let mut heard = Heard::default();
    while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let length = head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let body_end = end + 4 + length.unwrap_or(0);
        if status == 100 {
            heard.go_on = true;
        } else {
            let Some(body) = bytes.get(end + 4..body_end) else { break };
            let body = String::from_utf8_lossy(body).into_owned();
            heard.answers.push(Answer { status, head, body });
        }
        bytes = &bytes[body_end.min(bytes.len())..];
    }
    heard
}
