//! Senders that take their time, many at once.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    line::{Heard, Line},
    world::World,
};

const HEADS: usize = 200;
const BODIES: usize = 200;
/// A byte of a head in this time keeps a connection busy for minutes, if one lets it.
const DRIP: Duration = Duration::from_millis(500);
/// The gateway gives a head 30 s.
const HEAD_LIMIT: Duration = Duration::from_secs(60);

/// Slow heads that are on their way.
pub struct Heads {
    lines: JoinSet<Duration>,
}

/// Begins as many heads as there are slow senders; they end when the gateway ends them.
pub async fn heads(world: &World) -> Result<Heads> {
    let mut lines = JoinSet::new();
    for _ in 0..HEADS {
        let mut line = Line::open(world.address).await?;
        lines.spawn(async move {
            let begin = Instant::now();
            let endless = b"POST /in/open HTTP/1.1\r\nx: ".iter().copied().chain(std::iter::repeat(b'y'));
            for byte in endless {
                let drip = Instant::now() + DRIP;
                if line.say(&[byte]).await.is_err() || line.hear_until(1, drip).await.closed {
                    break;
                }
                if begin.elapsed() > HEAD_LIMIT {
                    break;
                }
            }
            begin.elapsed()
        });
    }
    Ok(Heads { lines })
}

impl Heads {
    /// None was served for longer than a head may take.
    pub async fn end(self) -> Result<()> {
        let took = self.lines.join_all().await;
        let longest = took.iter().max().copied().unwrap_or_default();
        ensure!(took.len() == HEADS && longest < HEAD_LIMIT, "a head took {longest:?}");
        println!("slow heads: {HEADS}, hung up on after {longest:.1?} at the latest");
        Ok(())
    }
}

/// Bodies that come a byte at a time: each is answered 408 in half the deadline.
pub async fn bodies(world: &World) -> Result<()> {
    let mut lines = JoinSet::new();
    for nth in 0..BODIES {
        let mut line = Line::open(world.address).await?;
        lines.spawn(async move {
            let begin = Instant::now();
            let length = if nth % 2 == 0 { "content-length: 4000" } else { "transfer-encoding: chunked" };
            let head = format!("POST /in/open HTTP/1.1\r\nhost: x\r\n{length}\r\n\r\n");
            let drop: &[u8] = if nth % 2 == 0 { b"{" } else { b"1\r\n{\r\n" };
            let mut heard = Heard::default();
            if line.say(head.as_bytes()).await.is_ok() {
                while heard.answers.is_empty() && !heard.closed && begin.elapsed() < HEAD_LIMIT {
                    let _ = line.say(drop).await;
                    heard = line.hear_until(1, Instant::now() + Duration::from_millis(100)).await;
                }
            }
            (heard, begin.elapsed())
        });
    }
    let all = lines.join_all().await;
    for (heard, took) in &all {
        world.note(heard)?;
        ensure!(heard.statuses() == [408], "{heard:?}");
        ensure!(*took < Duration::from_secs(6), "408 came after {took:?}");
    }
    println!("slow bodies: {} answered 408", all.len());
    Ok(())
}
