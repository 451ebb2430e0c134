//! What was promised, held against what a receiver saw that knows repeats by `okr-effect-id`.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use bus::{Admin, Settings};
use okr_tests::{Role, Seen, Sent, event_ids, until};

use crate::world::{SOON, TARGETS, World};

/// An effect that was sent more than once, and when it was sent first.
#[derive(Debug)]
pub struct Repeat {
    pub effect: String,
    pub first: Instant,
}

/// The ids of all events that were accepted.
pub fn accepted(sent: &[Sent]) -> Result<HashSet<String>> {
    let answers = sent.iter().filter(|sent| sent.is_accepted()).filter_map(|sent| sent.answer.as_ref().ok());
    let ids: HashSet<String> = answers.flat_map(|reply| event_ids(&reply.json())).collect();
    ensure!(!ids.is_empty(), "nothing was accepted");
    Ok(ids)
}

/// Waits until each of these events is at each target; then nothing is a dead letter, each subject was told in order,
/// nothing is left to consume, and `members` have no row whose mark may be lost and that would come again. Gives what
/// was sent more than once.
pub async fn exact(world: &World, ids: &HashSet<String>, members: &[&Role]) -> Result<Vec<Repeat>> {
    let wanted: HashSet<String> = ids
        .iter()
        .flat_map(|id| (0..TARGETS).map(move |target| format!("notifier/{id}/t{target}")))
        .collect();
    let missing = || {
        let seen = world.receiver.seen();
        let here: HashSet<&str> = seen.iter().map(|seen| seen.header("okr-effect-id")).collect();
        wanted.iter().filter(|effect| !here.contains(effect.as_str())).count()
    };
    let all = until("all events at all targets", 3 * SOON, async || {
        (world.receiver.count() >= wanted.len() && missing() == 0).then_some(())
    });
    all.await.with_context(|| format!("{} of {} effects are missing", missing(), wanted.len()))?;
    no_lag(world).await?;
    for member in members {
        no_rows(member).await?;
    }
    let admin = admin(world)?;
    let letters = admin.watermarks("okr.dead.notifier").await?;
    ensure!(letters.iter().all(|end| end.low == end.high), "there are dead letters: {letters:?}");
    let seen = world.receiver.seen();
    order_is_kept(&seen)?;
    Ok(repeats(&seen))
}

fn repeats(seen: &[Seen]) -> Vec<Repeat> {
    let mut first: HashMap<&str, Instant> = HashMap::new();
    let mut repeats = Vec::new();
    for seen in seen {
        let effect = seen.header("okr-effect-id");
        if let Some(first) = first.get(effect) {
            repeats.push(Repeat { effect: effect.to_owned(), first: *first });
        } else {
            first.insert(effect, seen.at);
        }
    }
    repeats
}

/// Of each subject, each target saw the first delivery of its events in their order.
fn order_is_kept(seen: &[Seen]) -> Result<()> {
    let mut known = HashSet::new();
    let mut newest: HashMap<(String, String), u32> = HashMap::new();
    for seen in seen {
        if !known.insert(seen.header("okr-effect-id")) {
            continue;
        }
        let event = seen.json();
        let subject = event["subject"]["id"].as_str().context("no subject")?.to_owned();
        let number: u32 = event["attributes"]["number"].as_str().context("no number")?.parse()?;
        let before = newest.insert((subject.clone(), seen.path.clone()), number);
        let is_next = before.is_none_or(|before| before < number);
        ensure!(is_next, "{subject} at {}: {number} came late", seen.path);
    }
    Ok(())
}

/// Waits until everything on the topic is committed, with nobody helping.
async fn no_lag(world: &World) -> Result<()> {
    let admin = admin(world)?;
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

/// Waits until the member finds no unfinished row. It looks from time to time, and what it found last may be older than
/// the question: so it has to look twice.
async fn no_rows(member: &Role) -> Result<()> {
    let looks = async || member.metric("okr_store_calls_total", "call=\"depths\"").await;
    let goal = looks().await? + 2.0;
    until("an empty outbox", SOON, async || {
        let is_new = looks().await.ok()? >= goal;
        (is_new && member.metric("okr_outbox_depth_rows", "").await.ok()? < 0.5).then_some(())
    })
    .await
}

fn admin(world: &World) -> Result<Admin> {
    Ok(Admin::new(&Settings::new(vec![world.kafka.address().to_owned()], "okr-tests"))?)
}
