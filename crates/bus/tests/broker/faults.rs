//! Brokers that die, hang and come back; topics that are made anew.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use bus::{Admin, Producer, SendError, watch_broker};
use okr_tests::{Kafka, kafka, until};

use crate::{Door, PATIENCE, all, create, fill, join, name, next, next_many, record, settings, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_no_acknowledged_record() -> Result<()> {
    let mut broker = Kafka::own().await?;
    let settings = settings(broker.address());
    create(&settings, "killed", 3).await?;
    let producer = Producer::new(&settings, Duration::from_secs(60))?;
    producer.warm(&["killed"]).await?;
    let mut queued = Vec::new();
    let mut send = |from: i32, to: i32| -> Result<()> {
        for n in from..to {
            queued.push((n, producer.enqueue(record("killed", n % 3, n.to_string()))?));
        }
        Ok(())
    };
    send(0, 3_000)?;
    broker.kill9()?;
    send(3_000, 4_000)?;
    broker.restart().await?;
    send(4_000, 5_000)?;
    let mut acknowledged = Vec::new();
    for (n, delivery) in queued {
        match delivery.await {
            Ok(placed) => acknowledged.push((n, placed)),
            Err(error) => ensure!(error.is_passing(), "{n}: {error}"),
        }
    }
    let log = all(&settings, "killed").await?;
    println!("{} acknowledged, {} in the log", acknowledged.len(), log.len());
    ensure!(acknowledged.len() >= 2_000, "the producer did not go on");
    for (n, placed) in acknowledged {
        let found = log
            .iter()
            .find(|record| record.slot.partition == placed.partition && record.offset == placed.offset);
        ensure!(found.is_some_and(|record| text(record) == n.to_string()), "{n} at {placed:?} is lost");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_goes_on_after_its_broker_was_killed() -> Result<()> {
    let mut broker = Kafka::own().await?;
    let settings = settings(broker.address());
    create(&settings, "goes-on", 1).await?;
    fill(&settings, "goes-on", 0, 10).await?;
    let mut consumer = join(&settings, "g", "goes-on", &Door::open())?;
    next_many(&mut consumer, 10).await?;
    broker.kill9()?;
    broker.restart().await?;
    fill(&settings, "goes-on", 0, 5).await?;
    // Whether the group remembers us or begins anew, the record comes.
    let begin = Instant::now();
    loop {
        match crate::signal(&mut consumer).await? {
            bus::Signal::Record(record) if record.offset == 14 => break,
            bus::Signal::Stalled(why) => anyhow::bail!("stalled: {why}"),
            _ => {}
        }
    }
    println!("back after {:?}", begin.elapsed());
    consumer.close(Vec::new()).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_a_broker_that_hangs_and_one_that_dies() -> Result<()> {
    let mut broker = Kafka::own().await?;
    let settings = settings(broker.address());
    let seen = Arc::new(Mutex::new(None));
    let told = seen.clone();
    let watch = tokio::spawn(async move {
        let report = move |answer: Result<(), String>| *told.lock().expect("no panic") = Some(answer.is_ok());
        watch_broker(&settings, Duration::from_secs(2), report).await
    });
    let becomes = async |ready: bool| {
        let begin = Instant::now();
        let look = async || (*seen.lock().expect("no panic") == Some(ready)).then_some(());
        until("readiness", PATIENCE, look).await.map(|()| begin.elapsed())
    };
    becomes(true).await?;
    broker.pause()?;
    let hung = becomes(false).await?;
    broker.resume()?;
    let woke = becomes(true).await?;
    broker.kill9()?;
    let died = becomes(false).await?;
    broker.restart().await?;
    let back = becomes(true).await?;
    println!("hung {hung:?}, woke {woke:?}, died {died:?}, back {back:?}");
    for took in [hung, woke, died, back] {
        ensure!(took < Duration::from_secs(10), "told only after {took:?}");
    }
    watch.abort();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn producer_and_consumer_go_on_when_a_topic_is_made_anew() -> Result<()> {
    let broker = kafka().await?;
    let settings = settings(broker.address());
    let topic = name("anew");
    create(&settings, &topic, 1).await?;
    let producer = Producer::new(&settings, Duration::from_secs(5))?;
    for n in 0..20 {
        producer.send(record(&topic, 0, n.to_string())).await?;
    }
    let mut consumer = join(&settings, &name("group"), &topic, &Door::open())?;
    next_many(&mut consumer, 20).await?;

    broker.tool("org.apache.kafka.tools.TopicCommand", &["--delete", "--topic", &topic]).await?;
    let admin = Admin::new(&settings)?;
    let gone = async || admin.describe(&[&topic]).await.is_ok_and(|states| states.is_empty()).then_some(());
    until("the topic to go", PATIENCE, gone).await?;
    create(&settings, &topic, 1).await?;

    let sent =
        until("an acknowledgement", PATIENCE, async || match producer.send(record(&topic, 0, "new")).await {
            Ok(placed) => Some(Ok(placed)),
            Err(SendError::TooLarge | SendError::Closed) => Some(Err(())),
            Err(_) => None,
        });
    assert!(sent.await?.is_ok());
    let mut again = join(&settings, &name("group"), &topic, &Door::open())?;
    assert_eq!(text(&next(&mut again).await?), "new", "a new member reads it");
    let begin = Instant::now();
    loop {
        match crate::signal(&mut consumer).await? {
            bus::Signal::Record(record) if text(&record) == "new" => break,
            bus::Signal::Stalled(why) => anyhow::bail!("stalled: {why}"),
            other => println!("after {:?}: {other:?}", begin.elapsed()),
        }
    }
    println!("the old member reads it after {:?}", begin.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_is_bounded_when_the_broker_is_gone() -> Result<()> {
    let broker = Kafka::own().await?;
    let settings = settings(broker.address());
    create(&settings, "bounded", 1).await?;
    fill(&settings, "bounded", 0, 3).await?;
    let producer = Producer::new(&settings, PATIENCE)?;
    producer.warm(&["bounded"]).await?;
    let mut consumer = join(&settings, "g", "bounded", &Door::open())?;
    let last = next_many(&mut consumer, 3).await?.pop().expect("three records");
    broker.pause()?;
    let delivery = producer.enqueue(record("bounded", 0, "x"))?;
    let begin = Instant::now();
    assert_eq!(producer.close(Duration::from_secs(1)).await, 1, "one record has no answer");
    assert!(matches!(delivery.await, Err(SendError::Unacknowledged(_))));
    let producer_took = begin.elapsed();
    consumer.close(vec![(last.slot, 3)]).await;
    println!("producer closed in {producer_took:?}, both in {:?}", begin.elapsed());
    ensure!(producer_took < Duration::from_secs(3) && begin.elapsed() < Duration::from_secs(10));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_hears_nothing_for_a_session_loses_its_slots_and_gets_them_again() -> Result<()> {
    let mut broker = Kafka::own().await?;
    let settings = settings(broker.address());
    create(&settings, "lost", 2).await?;
    fill(&settings, "lost", 0, 3).await?;
    let mut consumer = join(&settings, "g", "lost", &Door::open())?;
    next_many(&mut consumer, 3).await?;
    broker.kill9()?;
    match crate::signal(&mut consumer).await? {
        bus::Signal::Lost(slots) => ensure!(slots.len() == 2, "{slots:?}"),
        other => anyhow::bail!("not lost but {other:?}"),
    }
    ensure!(consumer.assigned().is_empty());
    broker.restart().await?;
    match crate::signal(&mut consumer).await? {
        bus::Signal::Assigned(slots) => ensure!(slots.len() == 2, "{slots:?}"),
        other => anyhow::bail!("not assigned but {other:?}"),
    }
    ensure!(next(&mut consumer).await?.offset == 0, "nothing was committed");
    Ok(())
}
