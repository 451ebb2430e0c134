//! Whoever puts the events onto the topic, at a pace that lasts as long as the trouble does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use bus::{Producer, Settings};
use futures::future::join_all;

use crate::events::{BLOCK, Events};

/// Longer than the broker is away.
const TIMEOUT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// Produces all events, spread over `length`; what waited for the broker comes all the faster afterwards. Returns once
/// each has its receipt.
pub async fn feed(events: Arc<Events>, broker: String, registry: String, length: Duration) -> Result<()> {
    let producer = Producer::new(&Settings::new(vec![broker], "okr-chaos"), TIMEOUT)?;
    producer.warm(&["okr.events"]).await?;
    let encoder = wire::Registry::new(&registry, TIMEOUT)?.encoder();
    let (began, blocks) = (Instant::now(), events.len() / BLOCK);
    for block in 0..blocks {
        let due = length.mul_f64(block as f64 / blocks as f64);
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        let mut waiting: Vec<usize> = (block * BLOCK..(block + 1) * BLOCK).collect();
        while !waiting.is_empty() {
            waiting = send(&events, &producer, &encoder, waiting).await?;
        }
    }
    let left = producer.close(TIMEOUT).await;
    if left > 0 {
        bail!("{left} records were left without an answer");
    }
    Ok(())
}

/// Sends these events, and gives back those that may not have arrived.
async fn send(
    events: &Events,
    producer: &Producer,
    encoder: &wire::Encoder,
    waiting: Vec<usize>,
) -> Result<Vec<usize>> {
    let mut sent = Vec::with_capacity(waiting.len());
    for at in waiting {
        let record = events.record(at, encoder).await?;
        sent.push((at, producer.enqueue(record)));
    }
    let receipts = sent.into_iter().map(async |(at, queued)| match queued {
        Ok(receipt) => (at, receipt.await.map(|_| ())),
        Err(error) => (at, Err(error)),
    });
    let mut again = Vec::new();
    for (at, receipt) in join_all(receipts).await {
        match receipt {
            Ok(()) => {}
            Err(error) if error.is_passing() => again.push(at),
            Err(error) => bail!("event {at} cannot be produced: {error}"),
        }
    }
    if !again.is_empty() {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(again)
}
