//! Reading without a group.

use anyhow::Result;
use bus::{BusError, Producer, ReadFrom, Reader};
use okr_tests::kafka;

use crate::{PATIENCE, create, fill, name, record, settings, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_begins_at_the_earliest_the_latest_or_a_time() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let topic = name("read");
    create(&settings, &topic, 1).await?;
    fill(&settings, &topic, 0, 5).await?;
    let mut earliest = Reader::open(&settings, &topic, ReadFrom::Earliest).await?;
    let mut latest = Reader::open(&settings, &topic, ReadFrom::Latest).await?;
    assert_eq!(earliest.ends(), [(0, 5)]);
    let mut newest = 0;
    for n in 0..5 {
        let read = earliest.next().await?;
        assert_eq!(text(&read), n.to_string());
        newest = read.timestamp_ms.unwrap_or(0);
    }
    while now_ms() <= newest {
        tokio::task::yield_now().await;
    }
    let middle = now_ms();
    let producer = Producer::new(&settings, PATIENCE)?;
    producer.send(record(&topic, 0, "after")).await?;
    assert_eq!(text(&latest.next().await?), "after");
    assert_eq!(text(&earliest.next().await?), "after");
    let mut timed = Reader::open(&settings, &topic, ReadFrom::Time(middle)).await?;
    assert_eq!(text(&timed.next().await?), "after");
    let mut future = Reader::open(&settings, &topic, ReadFrom::Time(middle + 3_600_000)).await?;
    producer.send(record(&topic, 0, "last")).await?;
    assert_eq!(text(&future.next().await?), "last", "a time behind all records is the end");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_dead_letter_goes_in_and_comes_out() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let topic = name("large");
    create(&settings, &topic, 1).await?;
    let producer = Producer::new(&settings, PATIENCE)?;
    let size = 15 << 20;
    producer.send(record(&topic, 0, "x".repeat(size))).await?;
    let mut reader = Reader::open(&settings, &topic, ReadFrom::Earliest).await?;
    let read = tokio::time::timeout(PATIENCE, reader.next()).await??;
    assert_eq!(read.value.map(|value| value.len()), Some(size));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_missing_is_named() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let topic = name("nowhere");
    let error = Reader::open(&settings, &topic, ReadFrom::Earliest).await.err();
    assert_eq!(error, Some(BusError::MissingTopics(vec![topic])));
    Ok(())
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
