//! What an independent client finds on the topic and what the receiver got, held against what senders were told.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use okr_tests::{Python, Seen, Sent};

use crate::world::{DEADLINE, World};

/// One record of `okr.events`.
#[derive(Debug)]
pub struct Record {
    pub id: String,
    pub key: String,
    pub partition: i64,
    pub offset: i64,
}

/// `okr.events` as confluent-kafka and fastavro read it, in the order of the log.
pub async fn topic(world: &World) -> Result<Vec<Record>> {
    let read = Python::read_all(world.kafka.address(), &world.registry, "okr.events").await?;
    let mut records = Vec::new();
    for record in read {
        ensure!(record["error"].is_null(), "not one of ours: {record}");
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        records.push(Record {
            id: text(&record["value"]["event_id"]).context("no event_id")?,
            key: text(&record["key"]).context("no key")?,
            partition: record["partition"].as_i64().context("no partition")?,
            offset: record["offset"].as_i64().context("no offset")?,
        });
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    Ok(records)
}

/// Every accepted event is on the topic, at its place, once. Gives how many were accepted.
pub fn nothing_is_lost(sent: &[Sent], topic: &[Record]) -> Result<usize> {
    let places: HashMap<(i64, i64), &str> =
        topic.iter().map(|record| ((record.partition, record.offset), record.id.as_str())).collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    topic.iter().for_each(|record| *times.entry(record.id.as_str()).or_default() += 1);
    let mut accepted = 0;
    for reply in sent.iter().filter(|sent| sent.is_accepted()).filter_map(|sent| sent.answer.as_ref().ok()) {
        let answer = reply.json();
        let events = answer["accepted"].as_array().context("no list")?;
        ensure!(reply.status == 202 && events.len() == 1, "{} {answer}", reply.status);
        let id = events[0]["event_id"].as_str().context("no event_id")?;
        let place = (
            events[0]["partition"].as_i64().context("no partition")?,
            events[0]["offset"].as_i64().context("no offset")?,
        );
        ensure!(times.contains_key(id), "LOST: {id} was accepted and is not on the topic");
        ensure!(places.get(&place) == Some(&id), "{id} is not at {place:?}");
        ensure!(times[id] == 1, "{id} was accepted once and is {} times on the topic", times[id]);
        accepted += 1;
    }
    Ok(accepted)
}

/// Everything that was not accepted was answered 503 with a Retry-After, inside the deadline. Gives how many, and the
/// longest time that one took.
pub fn refusals_are_honest(sent: &[Sent]) -> Result<(usize, Duration)> {
    let (mut refused, mut longest) = (0, Duration::ZERO);
    for sent in sent.iter().filter(|sent| !sent.is_accepted()) {
        let reply = sent.answer.as_ref().map_err(|error| anyhow::anyhow!("no answer: {error:#}"))?;
        ensure!(reply.status == 503, "{} {}", reply.status, reply.text());
        let again = reply.header("retry-after");
        ensure!(again.parse::<u64>().is_ok(), "Retry-After is {again:?}");
        ensure!(reply.header("content-type").starts_with("application/problem+json"), "{reply:?}");
        ensure!(sent.took <= DEADLINE, "a refusal took {:?}", sent.took);
        refused += 1;
        longest = longest.max(sent.took);
    }
    Ok((refused, longest))
}

/// The id of the event in a request to the receiver.
pub fn event_id(seen: &Seen) -> String {
    seen.json()["event_id"].as_str().unwrap_or_default().to_owned()
}

/// Waits until the receiver has accepted every event of the topic, and gives all its requests.
pub async fn delivered(world: &World, topic: &[Record], limit: Duration) -> Result<Vec<Seen>> {
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
pub fn order_is_kept(topic: &[Record], seen: &[Seen]) -> Result<()> {
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
