//! What was promised, what arrived, and what is left to do.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use bus::{Admin, Settings};
use okr_tests::{Sent, event_ids, until};

use crate::world::{SOON, TARGETS, World};

/// The ids of all events that were accepted.
pub fn accepted(sent: &[Sent]) -> Result<Vec<String>> {
    let answers = sent.iter().filter(|sent| sent.is_accepted()).filter_map(|sent| sent.answer.as_ref().ok());
    let ids: Vec<String> = answers.flat_map(|reply| event_ids(&reply.json())).collect();
    ensure!(!ids.is_empty(), "nothing was accepted");
    Ok(ids)
}

/// Waits until each of these events is at each target, and gives how many requests there were beyond that.
pub async fn arrived(world: &World, ids: &[String]) -> Result<usize> {
    let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let counts = || {
        let mut counts: HashMap<(String, String), usize> = HashMap::new();
        for seen in world.receiver.seen() {
            let id = seen.json()["event_id"].as_str().unwrap_or_default().to_owned();
            if wanted.contains(id.as_str()) {
                *counts.entry((id, seen.path)).or_default() += 1;
            }
        }
        counts
    };
    let all = until("all events at all targets", 2 * SOON, async || {
        Some(counts()).filter(|counts| counts.len() == wanted.len() * TARGETS)
    });
    let all = all
        .await
        .with_context(|| format!("{} of {} deliveries arrived", counts().len(), wanted.len() * TARGETS))?;
    Ok(all.values().sum::<usize>() - all.len())
}

/// Of each subject, each target saw the first delivery of its events in their order.
pub fn order_is_kept(world: &World) -> Result<()> {
    let mut seen_already = HashSet::new();
    let mut newest: HashMap<(String, String), u32> = HashMap::new();
    for seen in world.receiver.seen() {
        let event = seen.json();
        let id = event["event_id"].as_str().unwrap_or_default().to_owned();
        if !seen_already.insert((id, seen.path.clone())) {
            continue;
        }
        let subject = event["subject"]["id"].as_str().context("no subject")?.to_owned();
        let number: u32 = event["attributes"]["number"].as_str().context("no number")?.parse()?;
        let before = newest.insert((subject.clone(), seen.path.clone()), number);
        ensure!(
            before.is_none_or(|before| before < number),
            "{subject} at {}: {number} came late",
            seen.path
        );
    }
    Ok(())
}

/// Waits until everything on the topic is committed, with nobody helping.
pub async fn no_lag(world: &World) -> Result<()> {
    let admin = Admin::new(&Settings::new(vec![world.kafka.address().to_owned()], "okr-tests"))?;
    let lag = async || {
        let committed = admin.committed("okr.notifier", "okr.events").await.ok()?;
        let ends = admin.watermarks("okr.events").await.ok()?;
        let is_done = |end: &bus::Watermarks| {
            end.low == end.high || committed.contains(&(end.partition, Some(end.high)))
        };
        ends.iter().all(is_done).then_some(())
    };
    until("a lag of zero", SOON, lag).await
}
