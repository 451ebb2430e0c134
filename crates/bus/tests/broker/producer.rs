//! Sending.

use std::time::{Duration, Instant};

use anyhow::Result;
use bus::{BusError, Headers, OutRecord, Producer, SendError};
use okr_tests::kafka;

use crate::{PATIENCE, all, create, name, record, settings, text};

#[tokio::test]
async fn records_of_a_partition_keep_the_order_of_the_calls() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let topic = name("ordered");
    create(&settings, &topic, 2).await?;
    let producer = Producer::new(&settings, PATIENCE)?;
    producer.warm(&[&topic]).await?;
    let queued: Vec<_> = (0..4_000)
        .map(|n| producer.enqueue(record(&topic, n % 2, n.to_string())))
        .collect::<Result<_, _>>()?;
    let mut next = [0, 0];
    for delivery in queued {
        let placed = delivery.await?;
        let expected = &mut next[placed.partition as usize];
        assert_eq!(placed.offset, *expected);
        *expected += 1;
    }
    let read = all(&settings, &topic).await?;
    for record in read {
        let n = 2 * record.offset + i64::from(record.slot.partition);
        assert_eq!(text(&record), n.to_string());
    }
    assert_eq!(producer.close(PATIENCE).await, 0);
    Ok(())
}

#[tokio::test]
async fn a_record_arrives_with_all_it_had() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let topic = name("whole");
    create(&settings, &topic, 1).await?;
    let producer = Producer::new(&settings, PATIENCE)?;
    let mut headers = Headers::new();
    headers.push("a", "1");
    headers.push_null("b");
    headers.push("a", vec![0, 255]);
    let full = OutRecord { headers, ..record(&topic, 0, "value") };
    let bare = OutRecord {
        topic: topic.as_str().into(),
        partition: 0,
        key: None,
        value: None,
        headers: Headers::new(),
    };
    producer.send(full.clone()).await?;
    producer.send(bare).await?;
    let read = all(&settings, &topic).await?;
    assert_eq!((&read[0].key, &read[0].value, &read[0].headers), (&full.key, &full.value, &full.headers));
    assert_eq!((&read[1].key, &read[1].value, read[1].headers.len()), (&None, &None, 0));
    assert!(read[0].timestamp_ms.is_some_and(|ms| ms > 1_700_000_000_000));
    Ok(())
}

#[tokio::test]
async fn the_first_record_of_a_warm_producer_does_not_wait() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let topic = name("warm");
    create(&settings, &topic, 6).await?;
    let producer = Producer::new(&settings, PATIENCE)?;
    producer.warm(&[&topic]).await?;
    let begin = Instant::now();
    for partition in 0..6 {
        producer.send(record(&topic, partition, "x")).await?;
    }
    let took = begin.elapsed();
    assert!(took < Duration::from_millis(450), "an id would take half a second, this took {took:?}");
    Ok(())
}

#[tokio::test]
async fn a_missing_topic_is_named_and_never_created() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let (topic, missing) = (name("there"), name("missing"));
    create(&settings, &topic, 1).await?;
    let producer = Producer::new(&settings, Duration::from_secs(3))?;
    assert_eq!(producer.warm(&[&topic, &missing]).await, Err(BusError::MissingTopics(vec![missing.clone()])));
    assert!(producer.send(record(&missing, 0, "x")).await.is_err());
    assert!(bus::Admin::new(&settings)?.describe(&[&missing]).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_record_that_is_too_large_is_told_apart_and_harms_no_other() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let topic = name("small");
    let admin = bus::Admin::new(&settings)?;
    let small = bus::WantedTopic { max_message_bytes: 1 << 20, ..crate::wanted(&topic, 1) };
    admin.apply(&admin.plan(&[small]).await?).await?;
    let producer = Producer::new(&settings, PATIENCE)?;
    let sized = |bytes| OutRecord { value: Some(scramble(bytes).into()), ..record(&topic, 0, "") };
    assert_eq!(producer.send(sized(17 << 20)).await, Err(SendError::TooLarge), "beyond what any topic takes");
    // All three wait for the producer's id and go out together.
    let before = producer.enqueue(sized(500_000))?;
    let large = producer.enqueue(sized(1_500_000))?;
    let after = producer.enqueue(sized(500_000))?;
    assert!(before.await.is_ok());
    assert_eq!(large.await, Err(SendError::TooLarge), "beyond what this topic takes");
    assert!(after.await.is_ok());
    assert!(producer.send(record(&topic, 0, "later")).await.is_ok());
    Ok(())
}

/// Bytes that do not compress.
fn scramble(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(count)
    .collect()
}
