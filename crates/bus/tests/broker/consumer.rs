//! Being a member of a group.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bus::{Admin, Signal, Slot};
use okr_tests::{kafka, until};

use crate::{Door, PATIENCE, create, fill, join, name, next, next_many, record, settings, signal, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_member_takes_over_where_the_first_handed_back() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let (topic, group) = (name("shared"), name("group"));
    create(&settings, &topic, 2).await?;
    fill(&settings, &topic, 0, 10).await?;
    fill(&settings, &topic, 1, 10).await?;
    let mut first = join(&settings, &group, &topic, &Door::open())?;
    next_many(&mut first, 20).await?;
    assert_eq!(first.assigned().len(), 2);

    let mut second = join(&settings, &group, &topic, &Door::open())?;
    let (given, handback) = loop {
        match signal(&mut first).await? {
            Signal::Revoking(slots, handback) => break (slots, handback),
            Signal::Assigned(slots) if slots.is_empty() => {}
            other => bail!("no revocation but {other:?}"),
        }
    };
    assert_eq!(given.len(), 1, "cooperative: only what moves is taken");
    handback.give(vec![(given[0].clone(), 7)]);
    let moved = next_many(&mut second, 3).await?;
    assert!(moved.iter().all(|record| record.slot == given[0]));
    assert_eq!(moved.iter().map(|record| record.offset).collect::<Vec<_>>(), [7, 8, 9]);
    let committed = Admin::new(&settings)?.committed(&group, &topic).await?;
    assert!(committed.contains(&(given[0].partition, Some(7))), "{committed:?}");
    assert_eq!((first.assigned().len(), second.assigned()), (1, given));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_closes_commits_and_leaves_at_once() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let (topic, group) = (name("left"), name("group"));
    create(&settings, &topic, 1).await?;
    fill(&settings, &topic, 0, 10).await?;
    let mut first = join(&settings, &group, &topic, &Door::open())?;
    let slot = next_many(&mut first, 10).await?[0].slot.clone();
    let begin = Instant::now();
    first.close(vec![(slot, 4)]).await;
    assert!(begin.elapsed() < Duration::from_secs(2), "the commit was answered, and yet it waited");
    let mut second = join(&settings, &group, &topic, &Door::open())?;
    assert_eq!(next(&mut second).await?.offset, 4);
    assert!(begin.elapsed() < Duration::from_secs(6), "the group waited for a session to run out");
    second.close(Vec::new()).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_the_next_offset_and_of_our_own_slots_only() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let (topic, group) = (name("committed"), name("group"));
    create(&settings, &topic, 1).await?;
    fill(&settings, &topic, 0, 10).await?;
    let mut consumer = join(&settings, &group, &topic, &Door::open())?;
    let slot = next_many(&mut consumer, 10).await?[0].slot.clone();
    consumer.commit(vec![(slot, 6), (Slot::new(topic.as_str(), 9), 3)]);
    let admin = Admin::new(&settings)?;
    let arrives = async || {
        let committed = admin.committed(&group, &topic).await.ok()?;
        committed[0].1.is_some().then_some(committed)
    };
    assert_eq!(until("the commit", PATIENCE, arrives).await?, [(0, Some(6))]);
    let lag = until("lag", PATIENCE, async || consumer.lag().first().cloned()).await?;
    assert_eq!(lag.1, 4, "from the committed offset to the end");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_dropped_leaves_the_group_in_the_background() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let (topic, group) = (name("dropped"), name("group"));
    create(&settings, &topic, 1).await?;
    fill(&settings, &topic, 0, 3).await?;
    let mut first = join(&settings, &group, &topic, &Door::open())?;
    next_many(&mut first, 3).await?;
    let begin = Instant::now();
    drop(first);
    assert!(begin.elapsed() < Duration::from_millis(50), "the drop waited");
    let mut second = join(&settings, &group, &topic, &Door::open())?;
    next(&mut second).await?;
    assert!(begin.elapsed() < Duration::from_secs(8), "the group waited for a session to run out");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_there_within_milliseconds() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let topic = name("quick");
    create(&settings, &topic, 1).await?;
    let producer = bus::Producer::new(&settings, PATIENCE)?;
    producer.warm(&[&topic]).await?;
    producer.send(record(&topic, 0, "first")).await?;
    let mut consumer = join(&settings, &name("group"), &topic, &Door::open())?;
    next(&mut consumer).await?;
    let mut took = Vec::new();
    for n in 0..100 {
        let begin = Instant::now();
        producer.send(record(&topic, 0, n.to_string())).await?;
        assert_eq!(text(&next(&mut consumer).await?), n.to_string());
        took.push(begin.elapsed());
    }
    took.sort_unstable();
    println!("produce to signal: p50 {:?}, p90 {:?}, max {:?}", took[50], took[90], took[99]);
    assert!(took[50] < Duration::from_millis(30), "half of them took longer than {:?}", took[50]);
    Ok(())
}
