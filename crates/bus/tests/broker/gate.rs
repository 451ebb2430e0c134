//! The bound on unfinished work.

use std::time::Duration;

use anyhow::Result;
use bus::{Settings, Signal};
use okr_tests::{kafka, until};

use crate::{Door, PATIENCE, create, fill, join, name, next, next_many, settings, signal, text};

/// Small enough that fetching must pause.
fn narrow(address: &str) -> Settings {
    Settings { fetch_queue_bytes: 64 * 1024, ..settings(address) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shut_gate_lets_nothing_through_and_an_open_one_goes_on_in_order() -> Result<()> {
    let settings = narrow(kafka().await?.address());
    let topic = name("gated");
    create(&settings, &topic, 1).await?;
    fill(&settings, &topic, 0, 30_000).await?;
    let door = Door::open();
    let mut consumer = join(&settings, &name("group"), &topic, &door)?;
    let mut expected = 0..30_000;
    for round in 0..5 {
        for _ in 0..3_000 {
            let record = next(&mut consumer).await?;
            assert_eq!(text(&record), expected.next().unwrap_or_default().to_string());
        }
        door.shut(true);
        // What was let through before the gate fell shut is still in the channel.
        let rest = drain(&mut consumer, &mut expected).await;
        let admitted = door.admitted();
        assert_eq!(admitted, expected.start as usize, "round {round}, {rest} after the gate");
        tokio::time::sleep(Duration::from_millis(300)).await; // Long enough for a leak to show.
        assert_eq!((door.admitted(), drain(&mut consumer, &mut expected).await), (admitted, 0));
        door.shut(false);
    }
    while expected.start < 30_000 {
        assert_eq!(text(&next(&mut consumer).await?), expected.next().unwrap_or_default().to_string());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_come_while_the_gate_is_shut_wait_too() -> Result<()> {
    let settings = narrow(kafka().await?.address());
    let (topic, group) = (name("newly"), name("group"));
    create(&settings, &topic, 2).await?;
    fill(&settings, &topic, 0, 5_000).await?;
    fill(&settings, &topic, 1, 5_000).await?;
    let mut first = join(&settings, &group, &topic, &Door::open())?;
    next_many(&mut first, 10_000).await?;

    // The second gets a slot while its gate is shut, then the other one when the first leaves.
    let door = Door::open();
    door.shut(true);
    let mut second = join(&settings, &group, &topic, &door)?;
    loop {
        if let Signal::Revoking(slots, handback) = signal(&mut first).await? {
            handback.give(slots.into_iter().map(|slot| (slot, 0)).collect());
            break;
        }
    }
    let one = async || (second.assigned().len() == 1).then_some(());
    until("one slot", PATIENCE, one).await?;
    let kept = first.assigned().into_iter().map(|slot| (slot, 0)).collect();
    first.close(kept).await;
    let both = async || (second.assigned().len() == 2).then_some(());
    until("both slots", PATIENCE, both).await?;
    assert_eq!(door.admitted(), 0);

    door.shut(false);
    let records = next_many(&mut second, 10_000).await?;
    for partition in 0..2 {
        let offsets = records.iter().filter(|record| record.slot.partition == partition);
        assert!(offsets.map(|record| record.offset).eq(0..5_000), "each record once and in order");
    }
    Ok(())
}

/// Takes the records that are there already.
async fn drain(consumer: &mut bus::Consumer, expected: &mut std::ops::Range<i32>) -> usize {
    let mut count = 0;
    while let Ok(Some(signal)) = tokio::time::timeout(Duration::from_millis(50), consumer.next()).await {
        let Signal::Record(record) = signal else { continue };
        assert_eq!(text(&record), expected.next().unwrap_or_default().to_string());
        count += 1;
    }
    count
}
