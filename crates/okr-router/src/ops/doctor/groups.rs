//! How our consumer groups do, by Burrow's rules over a few seconds. Nobody joins; no offset moves.

use std::{collections::BTreeMap, time::Duration};

use bus::burrow::{Commit, Status, Window};
use bus::{BusError, Crew, Onlooker, Settings, Slot};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use super::finding::Finding;
use crate::{config::Whole, parts};

/// Looks, a second and a half apart: longer than a member waits between two commits.
const LOOKS: usize = 5;
const PAUSE: Duration = Duration::from_millis(1_500);
const WAIT: Duration = Duration::from_secs(3);
/// Ours are named so.
const PREFIX: &str = "okr.";

/// What was seen of one group.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    pub crew: Option<Crew>,
    pub looks: Vec<Look>,
}

/// One look: when, and of each slot that the group has committed in: next offset, and records to the end.
#[derive(Debug, Clone)]
pub struct Look {
    pub at: Duration,
    pub slots: Vec<(Slot, i64, i64)>,
}

/// Watches all of our groups at the same time.
pub async fn examine(whole: &Whole) -> Vec<Finding> {
    let Ok(settings) = parts::bus_settings(whole, "okr-router-doctor") else { return Vec::new() };
    let Ok(wanted) = parts::topics(whole) else { return Vec::new() };
    let groups = match bus::groups(&settings, WAIT).await {
        Ok(groups) => groups,
        // That no broker answers is told with the brokers.
        Err(BusError::Unavailable(_)) => return Vec::new(),
        Err(error) => {
            let remedy = "let this user describe groups (Describe on Group okr.)";
            return vec![Finding::doubt("groups", error.to_string(), remedy)];
        }
    };
    let slots: Vec<Slot> = wanted
        .iter()
        .flat_map(|topic| (0..topic.partitions).map(|partition| Slot::new(topic.name.as_str(), partition)))
        .collect();
    let mut watches = JoinSet::new();
    for group in groups.into_iter().filter(|group| group.starts_with(PREFIX)) {
        let (settings, slots) = (settings.clone(), slots.clone());
        watches.spawn(async move { (group.clone(), watch(&settings, &group, &slots).await) });
    }
    let mut seen = BTreeMap::new();
    while let Some(Ok((group, watched))) = watches.join_next().await {
        seen.insert(group, watched);
    }
    if seen.is_empty() {
        return vec![Finding::well("groups", "nobody has consumed yet")];
    }
    seen.iter()
        .flat_map(|(group, watched)| match watched {
            Ok(watched) => judge(group, watched),
            Err(error) => vec![Finding::doubt(format!("group {group}"), error.to_string(), "try again")],
        })
        .collect()
}

async fn watch(settings: &Settings, group: &str, slots: &[Slot]) -> Result<Watched, BusError> {
    let onlooker = Onlooker::new(settings, group)?;
    let mut watched = Watched { crew: onlooker.crew(WAIT).await?, looks: Vec::with_capacity(LOOKS) };
    let committed = onlooker.committed(slots, WAIT).await?;
    let slots: Vec<Slot> = committed.into_iter().map(|(slot, _)| slot).collect();
    let (since, mut ticks) = (Instant::now(), interval(PAUSE));
    for _ in 0..LOOKS {
        ticks.tick().await;
        if slots.is_empty() {
            break;
        }
        let (committed, reach) =
            (onlooker.committed(&slots, WAIT).await?, onlooker.reach(&slots, WAIT).await?);
        let lag = |(slot, next): (Slot, i64)| {
            let reach = reach.iter().find(|reach| reach.slot == slot)?;
            Some((slot, next, (reach.end - next).max(0)))
        };
        let slots = committed.into_iter().filter_map(lag).collect();
        watched.looks.push(Look { at: since.elapsed(), slots });
    }
    Ok(watched)
}

/// What was seen of a group means.
pub fn judge(group: &str, watched: &Watched) -> Vec<Finding> {
    let check = format!("group {group}");
    let members = watched.crew.as_ref().map_or(0, |crew| crew.clients.len());
    let last = watched.looks.last();
    let lag: i64 = last.into_iter().flat_map(|look| &look.slots).map(|(_, _, lag)| lag).sum();
    if members == 0 {
        return vec![if lag == 0 {
            Finding::doubt(&check, "has no members; nothing waits", "start its service if it should run")
        } else {
            let says = format!("has no members, and {lag} records wait");
            Finding::wrong(&check, says, format!("start its service: okr-router {}", service(group)))
        }];
    }
    let mut findings: Vec<Finding> = statuses(watched)
        .into_iter()
        .filter_map(|(slot, (status, lag))| ill(&check, &slot, status, lag))
        .collect();
    if findings.is_empty() {
        findings.push(Finding::well(check, format!("{members} members, {lag} records to the end")));
    }
    findings
}

/// The status of each slot over all looks. Whoever is a member can commit, so each look counts as a commit.
fn statuses(watched: &Watched) -> BTreeMap<Slot, (Status, i64)> {
    let mut windows: BTreeMap<Slot, (Window, i64)> = BTreeMap::new();
    for look in &watched.looks {
        for (slot, offset, lag) in &look.slots {
            let (window, last) = windows.entry(slot.clone()).or_insert_with(|| (Window::new(LOOKS), 0));
            window.push(Commit { at: look.at, offset: *offset, lag: *lag });
            *last = *lag;
        }
    }
    let now = watched.looks.last().map_or(Duration::ZERO, |look| look.at);
    windows.into_iter().map(|(slot, (window, lag))| (slot, (window.status(now, lag), lag))).collect()
}

fn ill(check: &str, slot: &Slot, status: Status, lag: i64) -> Option<Finding> {
    let (check, name) = (format!("{check}, {slot}"), status.name());
    Some(match status {
        Status::Ok => return None,
        Status::Warn => Finding::doubt(
            check,
            format!("{name}: works and falls behind, {lag} records to the end"),
            "watch okr_worker_lag_seconds; if it keeps growing, start more members",
        ),
        Status::Stall => Finding::doubt(
            check,
            format!("{name}: does not get on, {lag} records to the end"),
            "its /readyz and log say whether it is halted, waits for the store, or tries one record again and again",
        ),
        Status::Stop => Finding::wrong(
            check,
            format!("{name}: commits no more, {lag} records to the end"),
            "its /readyz and log say why; restart the member if they say nothing",
        ),
        Status::Rewind => Finding::wrong(
            check,
            format!("{name}: went back to earlier records"),
            "somebody has reset its offsets; what was delivered already is recognised and not delivered again",
        ),
    })
}

fn service(group: &str) -> &str {
    group.strip_prefix(PREFIX).and_then(|rest| rest.split('.').next()).unwrap_or(group)
}
