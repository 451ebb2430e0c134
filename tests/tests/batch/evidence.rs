//! What the topic holds, and what the service made of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use bus::{InRecord, ReadFrom, Reader, Slot};
use okr_tests::until;
use store::Store;
use worker::Progress;

use crate::{
    sums::{ODD, POISON, SERVICE, Sum, texts},
    world::{SOON, World},
};

/// Everything on a topic, in order within each partition.
pub async fn read(world: &World, topic: &str) -> Result<Vec<InRecord>> {
    let mut reader = Reader::open(&world.settings, topic, ReadFrom::Earliest).await?;
    let lows = world.admin.watermarks(topic).await?;
    let low = |partition| lows.iter().find(|it| it.partition == partition).map_or(0, |it| it.low);
    let mut open: BTreeMap<i32, i64> =
        reader.ends().iter().copied().filter(|(p, end)| *end > low(*p)).collect();
    let mut records = Vec::new();
    while !open.is_empty() {
        let record = tokio::time::timeout(SOON, reader.next()).await.context("the topic was not read")??;
        if open.get(&record.slot.partition).is_some_and(|end| record.offset + 1 >= *end) {
            open.remove(&record.slot.partition);
        }
        records.push(record);
    }
    Ok(records)
}

/// What it all adds up to; the second are those that cannot be added, by partition and offset.
pub fn added(records: &[InRecord]) -> (BTreeMap<String, Sum>, BTreeSet<(i32, i64)>) {
    let (mut sums, mut bad) = (BTreeMap::<String, Sum>::new(), BTreeSet::new());
    for record in records {
        let (key, value) = texts(record);
        if value == POISON || value == ODD {
            bad.insert((record.slot.partition, record.offset));
        } else {
            sums.entry(key).or_default().add(&value);
        }
    }
    (sums, bad)
}

/// Waits until everything on the topic is contained, and Kafka knows it too.
pub async fn all_contained(world: &World, store: &Store) -> Result<()> {
    let topic = &world.orders.topic;
    let ends = world.admin.watermarks(topic).await?;
    let slots: Vec<Slot> =
        (0..world.partitions).map(|partition| Slot::new(topic.as_str(), partition)).collect();
    let is_done = async || {
        let standings = store.standings(SERVICE, &slots).await.ok()?;
        let committed = world.admin.committed(&world.orders.group(), topic).await.ok()?;
        let done = ends.iter().filter(|end| end.high > 0).all(|end| {
            let at = standings.iter().find(|standing| standing.slot.partition == end.partition);
            at.is_some_and(|at| at.next == end.high) && committed.contains(&(end.partition, Some(end.high)))
        });
        done.then_some(())
    };
    until("everything contained, and committed to Kafka afterwards", 2 * SOON, is_done).await
}

/// That the state is the sum of `expected`, key by key.
pub async fn sums_are(store: &Store, expected: &BTreeMap<String, Sum>) -> Result<()> {
    let keys: Vec<String> = expected.keys().cloned().collect();
    let kept = store.state(SERVICE, &keys).await?;
    for ((key, expected), kept) in expected.iter().zip(kept) {
        let found = Sum::read(kept)?;
        ensure!(found == *expected, "{key} is {found:?} instead of {expected:?}");
    }
    Ok(())
}

/// That the relay told each count of each key, for the first time in order.
pub async fn told(world: &World, expected: &BTreeMap<String, Sum>) -> Result<usize> {
    let told = async || {
        let records = read(world, &world.orders.out).await.ok()?;
        let mut newest = BTreeMap::<String, u64>::new();
        for record in &records {
            let (key, count) = texts(record);
            let (count, newest) = (count.parse::<u64>().ok()?, newest.entry(key.clone()).or_default());
            if count > *newest + 1 {
                return Some(Err(format!("{count} of {key} came after {newest}")));
            }
            *newest = (*newest).max(count);
        }
        let is_all = expected.iter().all(|(key, sum)| newest.get(key) == Some(&sum.count));
        is_all.then(|| Ok(records.len() - newest.values().sum::<u64>() as usize))
    };
    until("all that was committed on the topic", SOON, told).await?.map_err(anyhow::Error::msg)
}

/// That exactly the bad records are dead letters, each at least once.
pub async fn buried(world: &World, bad: &BTreeSet<(i32, i64)>) -> Result<()> {
    let mut found = BTreeSet::new();
    for letter in read(world, "okr.dead.batch").await? {
        let header = |name| letter.headers.get_str(name).context("a letter without its origin");
        if header(bus::header::OKR_ORIGINAL_TOPIC)? == world.orders.topic {
            let partition = header(bus::header::OKR_ORIGINAL_PARTITION)?.parse()?;
            found.insert((partition, header(bus::header::OKR_ORIGINAL_OFFSET)?.parse()?));
        }
    }
    ensure!(found == *bad, "{found:?} instead of {bad:?}");
    Ok(())
}

/// All of the above.
pub async fn exact(world: &World, store: &Store) -> Result<()> {
    all_contained(world, store).await?;
    let (sums, bad) = added(&read(world, &world.orders.topic).await?);
    sums_are(store, &sums).await?;
    buried(world, &bad).await?;
    let repeats = told(world, &sums).await?;
    let records: u64 = sums.values().map(|sum| sum.count).sum();
    println!(
        "{records} records count once, {} are dead letters, {repeats} of the relay's are repeats",
        bad.len()
    );
    Ok(())
}
