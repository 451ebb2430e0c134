//! What an independent client finds on the topic and what the receiver got, held against what senders were told.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
pub use okr_tests::nothing_is_lost;
use okr_tests::{Logged, Python, Seen, Sent};

use crate::world::{DEADLINE, World};

/// `okr.events` as confluent-kafka and fastavro read it, in the order of the log.
pub async fn topic(world: &World) -> Result<Vec<Logged>> {
    Python::log(world.kafka.address(), &world.registry, "okr.events").await
}

/// As [`okr_tests::refusals_are_honest`], with the deadline of these tests.
pub fn refusals_are_honest(sent: &[Sent]) -> Result<(usize, Duration)> {
    okr_tests::refusals_are_honest(sent, DEADLINE)
}

/// The id of the event in a request to the receiver.
pub fn event_id(seen: &Seen) -> String {
    seen.json()["event_id"].as_str().unwrap_or_default().to_owned()
}

/// Waits until the receiver has accepted every event of the topic, and gives all its requests.
pub async fn delivered(world: &World, topic: &[Logged], limit: Duration) -> Result<Vec<Seen>> {
    let wanted: HashSet<&str> = topic.iter().map(|record| record.id.as_str()).collect();
    let got = |seen: &[Seen]| -> HashSet<String> {
        seen.iter().filter(|seen| seen.accepted()).map(event_id).collect()
    };
    let all = world.receiver.wait_until(limit, |seen| {
        // Reading every body again and again would take the cores away from those who are waited for.
        seen.len() >= wanted.len() && wanted.iter().all(|id| got(seen).contains(*id))
    });
    all.await.with_context(|| format!("{} of {} arrived", got(&world.receiver.seen()).len(), wanted.len()))
}

/// How many times each event was asked of the receiver beyond the first time.
pub fn repeats(seen: &[Seen]) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    seen.iter().for_each(|seen| *times.entry(event_id(seen)).or_insert(0) += 1);
    times.into_iter().filter(|(_, times)| *times > 1).map(|(id, times)| (id, times - 1)).collect()
}

/// Per subject, the first time each event was accepted follows the order of the log.
pub fn order_is_kept(topic: &[Logged], seen: &[Seen]) -> Result<()> {
    let mut first = HashMap::new();
    for (position, seen) in seen.iter().enumerate().filter(|(_, seen)| seen.accepted()) {
        first.entry(event_id(seen)).or_insert(position);
    }
    let mut last: HashMap<&str, usize> = HashMap::new();
    for record in topic {
        let Some(position) = first.get(&record.id) else { continue };
        if let Some(before) = last.insert(&record.key, *position) {
            ensure!(before <= *position, "{} of {} was delivered before its turn", record.id, record.key);
        }
    }
    Ok(())
}
