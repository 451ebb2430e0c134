//! Where a member begins, and what happens when that place is gone.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, bail};
use bus::{Consumer, Membership, Mix, Signal, Slot, Start};
use okr_tests::{Folder, Kafka, kafka};

use crate::{Door, create, fill, join, name, next, next_many, settings, signal};

#[tokio::test(flavor = "multi_thread")]
async fn a_resolver_says_where_slots_begin() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let topic = name("resolved");
    create(&settings, &topic, 2).await?;
    fill(&settings, &topic, 0, 10).await?;
    fill(&settings, &topic, 1, 10).await?;
    let resolver = |slots: &[Slot]| {
        slots.iter().map(|slot| (slot.clone(), (slot.partition == 0).then_some(8))).collect::<Vec<_>>()
    };
    let membership = Membership {
        group: name("group"),
        topics: vec![topic.clone()],
        gate: Door::open(),
        revoke_grace: Duration::from_secs(5),
        start: Start::Resolved(Arc::new(resolver)),
        mix: Mix::default(),
    };
    let mut consumer = Consumer::join_as(&settings, membership)?;
    let mut records = next_many(&mut consumer, 12).await?;
    records.sort_by_key(|record| (record.slot.partition, record.offset));
    let first: Vec<i64> =
        records.iter().filter(|record| record.slot.partition == 0).map(|record| record.offset).collect();
    assert_eq!(first, [8, 9], "where the resolver said");
    assert_eq!(records[2].offset, 0, "the other one at the earliest");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_offset_that_is_gone_is_told_and_reading_begins_at_the_oldest() -> Result<()> {
    let broker = kafka().await?;
    let settings = settings(broker.address());
    let (topic, group) = (name("gone"), name("group"));
    create(&settings, &topic, 2).await?;
    fill(&settings, &topic, 0, 100).await?;
    fill(&settings, &topic, 1, 100).await?;
    let mut first = join(&settings, &group, &topic, &Door::open())?;
    next_many(&mut first, 200).await?;
    let slots = [Slot::new(topic.as_str(), 0), Slot::new(topic.as_str(), 1)];
    first.close(vec![(slots[0].clone(), 10), (slots[1].clone(), 60)]).await;
    cut(broker, &topic, 0, 50).await?;

    let mut second = join(&settings, &group, &topic, &Door::open())?;
    let mut told = 0;
    let mut begun = [None, None];
    for _ in 0..100 {
        match signal(&mut second).await? {
            Signal::OffsetOutOfRange(slot) => {
                assert_eq!((slot, begun[0]), (slots[0].clone(), None), "before its first record");
                told += 1;
            }
            Signal::Record(record) => {
                let at = usize::try_from(record.slot.partition)?;
                begun[at].get_or_insert(record.offset);
            }
            Signal::Assigned(_) => {}
            other => bail!("unexpected {other:?}"),
        }
        if told == 1 && begun.iter().all(Option::is_some) {
            break;
        }
    }
    assert_eq!((told, begun), (1, [Some(50), Some(60)]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_go_while_they_are_waited_for_are_told() -> Result<()> {
    let broker = kafka().await?;
    let settings = settings(broker.address());
    let topic = name("overtaken");
    create(&settings, &topic, 1).await?;
    fill(&settings, &topic, 0, 10).await?;
    let resolver = |slots: &[Slot]| slots.iter().map(|slot| (slot.clone(), Some(1_000))).collect::<Vec<_>>();
    let membership = Membership {
        group: name("group"),
        topics: vec![topic.clone()],
        gate: Door::open(),
        revoke_grace: Duration::from_secs(5),
        start: Start::Resolved(Arc::new(resolver)),
        mix: Mix::default(),
    };
    let mut consumer = Consumer::join_as(&settings, membership)?;
    loop {
        match signal(&mut consumer).await? {
            Signal::OffsetOutOfRange(slot) => {
                assert_eq!(slot, Slot::new(topic.as_str(), 0));
                break;
            }
            Signal::Assigned(_) => {}
            other => bail!("unexpected {other:?}"),
        }
    }
    assert_eq!(next(&mut consumer).await?.offset, 0, "begins again at the oldest");
    Ok(())
}

/// Deletes the records of a partition before an offset.
async fn cut(broker: &Kafka, topic: &str, partition: i32, before: i64) -> Result<()> {
    let folder = Folder::new("cut")?;
    let file = folder.join("offsets.json");
    let what = format!(
        r#"{{"partitions":[{{"topic":"{topic}","partition":{partition},"offset":{before}}}],"version":1}}"#
    );
    std::fs::write(&file, what)?;
    let file = file.display().to_string();
    broker.tool("org.apache.kafka.tools.DeleteRecordsCommand", &["--offset-json-file", &file]).await?;
    Ok(())
}
