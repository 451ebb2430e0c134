//! What senders were told, held against what an independent client finds in the log.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{Python, Sent};

/// One record of `okr.events`.
#[derive(Debug)]
pub struct Logged {
    pub id: String,
    pub key: String,
    pub partition: i64,
    pub offset: i64,
}

impl Python {
    /// A topic of events as confluent-kafka and fastavro read it, in the order of the log.
    pub async fn log(broker: &str, registry: &str, topic: &str) -> Result<Vec<Logged>> {
        let mut records = Vec::new();
        for record in Self::read_all(broker, registry, topic).await? {
            ensure!(record["error"].is_null(), "not one of ours: {record}");
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            records.push(Logged {
                id: text(&record["value"]["event_id"]).context("no event_id")?,
                key: text(&record["key"]).context("no key")?,
                partition: record["partition"].as_i64().context("no partition")?,
                offset: record["offset"].as_i64().context("no offset")?,
            });
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }
}

/// Every accepted event is in the log, at its place, once. Gives how many were accepted.
pub fn nothing_is_lost<'a>(sent: impl IntoIterator<Item = &'a Sent>, log: &[Logged]) -> Result<usize> {
    let places: HashMap<(i64, i64), &str> =
        log.iter().map(|record| ((record.partition, record.offset), record.id.as_str())).collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    log.iter().for_each(|record| *times.entry(record.id.as_str()).or_default() += 1);
    let mut accepted = 0;
    let answers =
        sent.into_iter().filter(|sent| sent.is_accepted()).filter_map(|sent| sent.answer.as_ref().ok());
    for reply in answers {
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
pub fn refusals_are_honest(sent: &[Sent], deadline: Duration) -> Result<(usize, Duration)> {
    let (mut refused, mut longest) = (0, Duration::ZERO);
    for sent in sent.iter().filter(|sent| !sent.is_accepted()) {
        let reply = sent.answer.as_ref().map_err(|error| anyhow::anyhow!("no answer: {error:#}"))?;
        ensure!(reply.status == 503, "{} {}", reply.status, reply.text());
        let again = reply.header("retry-after");
        ensure!(again.parse::<u64>().is_ok(), "Retry-After is {again:?}");
        ensure!(reply.header("content-type").starts_with("application/problem+json"), "{reply:?}");
        ensure!(sent.took <= deadline, "a refusal took {:?}", sent.took);
        refused += 1;
        longest = longest.max(sent.took);
    }
    Ok((refused, longest))
}
