//! What the run has shown, held against what is promised.

use std::{
    collections::HashMap,
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bus::{Admin, Settings};
use okr_tests::until;

use crate::{
    events::{Events, target_name},
    fleet::{Fleet, Hit, Journal},
    receiver::Arrival,
    world::World,
};

/// How long everything may take to come to rest after the last trouble, with nobody helping.
const RESTS_WITHIN: Duration = Duration::from_secs(90);
/// How long a sending window may be: the receiver's longest pause (0.3 s) and the mark that follows. With four times as
/// much to do as two cores can, a mark was seen to take 2.4 s.
const WINDOW: Duration = Duration::from_secs(5);
/// How late the receiver may note what was sent before.
const LATE: Duration = Duration::from_secs(1);
/// What a member says of each delivery that it counts as one that may be a repeat.
const MAY_BE: &str = "may be a repeat";

/// Waits until every event is at its destination, everything on the topic is committed and nothing waits for delivery.
pub async fn rests(world: &World, events: &Events, fleet: &Fleet, began: Instant) -> Result<()> {
    let say = |what: &str| println!("{:7.1} s  {what}", began.elapsed().as_secs_f64());
    let all = async || (world.receiver.distinct() == events.len()).then_some(());
    until("all events at their destinations", RESTS_WITHIN, all).await.with_context(|| {
        let missing = world.receiver.missing();
        let first: Vec<_> = missing.iter().take(5).map(|at| events.all[*at]).collect();
        format!("{} of {} are missing, such as {first:?}", missing.len(), events.len())
    })?;
    say("all have arrived");
    let admin = Admin::new(&Settings::new(vec![world.broker.clone()], "okr-tests"))?;
    let no_lag = async || {
        let committed = admin.committed("okr.notifier", "okr.events").await.ok()?;
        let ends = admin.watermarks("okr.events").await.ok()?;
        let is_done = |end: &bus::Watermarks| committed.contains(&(end.partition, Some(end.high)));
        ends.iter().all(is_done).then_some(())
    };
    until("a lag of zero", RESTS_WITHIN, no_lag).await?;
    say("the lag is zero");
    // Each has looked twice since: what it found last may be older than the question, and a row whose mark was lost
    // comes again only when its lease is over.
    let looks = async || fleet.each("okr_store_calls_total", "call=\"depths\"").await;
    let before = looks().await?;
    let is_empty = async || {
        let have_looked = before.iter().zip(looks().await.ok()?).all(|(before, now)| now >= before + 2.0);
        (have_looked && fleet.metric("okr_outbox_depth_rows").await.ok()? == 0.0).then_some(())
    };
    until("an empty outbox", RESTS_WITHIN, is_empty).await?;
    say("the outbox is empty");
    let letters = admin.watermarks("okr.dead.notifier").await?;
    ensure!(letters.iter().all(|end| end.high == 0), "there are dead letters: {letters:?}");
    let used = admin.watermarks("okr.events").await?.iter().filter(|end| end.high > 0).count();
    ensure!(used == 24, "only {used} partitions had events");
    Ok(())
}

/// Of each subject, the first deliveries of its events came in their order.
pub fn order_is_kept(events: &Events, arrivals: &[Arrival]) -> Result<()> {
    let mut next: HashMap<u32, u32> = HashMap::new();
    for arrival in arrivals {
        let event = &events.all[arrival.event as usize];
        let next = next.entry(event.subject).or_default();
        ensure!(
            event.number <= *next,
            "subject {}: {} came before {next}, by member {} at {:?}",
            event.subject,
            event.number,
            arrival.member,
            arrival.at
        );
        *next = (*next).max(event.number + 1);
    }
    Ok(())
}

/// Each repeat has a kill, a stop or a timeout of its own that hit one of its sending windows, and was told: whoever
/// counted it as one that may be said so, after a time-out too.
pub fn repeats_are_excused(events: &Events, arrivals: &[Arrival], journal: &Journal) -> Result<usize> {
    let mut attempts: HashMap<u32, Vec<Arrival>> = HashMap::new();
    for arrival in arrivals {
        attempts.entry(arrival.event).or_default().push(*arrival);
    }
    let told = Told::read(journal);
    let (mut repeats, mut by_timeout, mut wrong) = (0, 0, Vec::new());
    let mut by_hit = vec![Excused::default(); journal.hits.len()];
    for (event, attempts) in attempts.into_iter().filter(|(_, attempts)| attempts.len() > 1) {
        let event = &events.all[event as usize];
        let effect = format!("notifier/{}/{}", event.id, target_name(event.target()));
        let hits =
            journal.hits.iter().enumerate().filter(|(_, hit)| attempts.iter().any(|one| hits(hit, one)));
        let hits: Vec<usize> = hits.map(|(number, _)| number).collect();
        for hit in &hits {
            by_hit[*hit].add(&journal.hits[*hit], &attempts);
        }
        let (unmarked, timeouts) = told.of(&effect);
        let more = attempts.len() - 1;
        repeats += more;
        by_timeout += more.saturating_sub(hits.len());
        if more > hits.len() + timeouts || more > unmarked + timeouts {
            wrong.push(format!("{effect}: {attempts:?}; hits {hits:?}, told {unmarked} + {timeouts}"));
        }
    }
    for (hit, repeats) in journal.hits.iter().zip(by_hit) {
        println!("  {hit}: {repeats}");
    }
    println!("  {by_timeout} came again after time-outs alone");
    ensure!(
        wrong.is_empty(),
        "{} repeats without an excuse, such as {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(5)]
    );
    Ok(repeats)
}

/// The deliveries that one hit excuses.
#[derive(Debug, Clone, Default)]
struct Excused {
    count: usize,
    /// How long before the hit the oldest of them had come, and how long after it the youngest.
    before: Duration,
    after: Duration,
}

impl Excused {
    fn add(&mut self, hit: &Hit, attempts: &[Arrival]) {
        let of_it = attempts.iter().filter(|attempt| hits(hit, attempt));
        // The one that is nearest to it.
        let before = |attempt: &Arrival| hit.from.saturating_sub(attempt.at);
        let after = |attempt: &Arrival| attempt.at.saturating_sub(hit.until);
        let Some(nearest) = of_it.min_by_key(|attempt| before(attempt).max(after(attempt))) else { return };
        self.count += 1;
        self.before = self.before.max(before(nearest));
        self.after = self.after.max(after(nearest));
    }
}

impl fmt::Display for Excused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, before, after } = self;
        write!(f, "{count} came again, from {before:.1?} before it until {after:.1?} after it")
    }
}

/// Whether the delivery may have been under way, or marked too late, when this happened to its sender.
fn hits(hit: &Hit, attempt: &Arrival) -> bool {
    hit.member == attempt.member && hit.from <= attempt.at + WINDOW && attempt.at <= hit.until + LATE
}

/// How often the members said of an effect that it is sent again although it may have been accepted: because an earlier
/// attempt was never marked, or because its answer did not come or was none. Each line is one count of
/// `okr_outbox_ambiguous_total`.
struct Told {
    unmarked: HashMap<String, usize>,
    timeouts: HashMap<String, usize>,
}

impl Told {
    fn read(journal: &Journal) -> Self {
        let mut told = Self { unmarked: HashMap::new(), timeouts: HashMap::new() };
        let lines = journal.stayed.iter().chain(&journal.gone).flat_map(|log| log.lines());
        for line in lines.filter(|line| line.contains(MAY_BE)) {
            let is_unmarked = line.contains("an earlier attempt was never marked");
            let count = if is_unmarked { &mut told.unmarked } else { &mut told.timeouts };
            let effect = line.split("effect=").nth(1).map(|rest| rest.trim_start_matches('"'));
            let effect = effect.and_then(|rest| rest.split(['"', ' ']).next()).unwrap_or_default();
            *count.entry(effect.to_owned()).or_default() += 1;
        }
        told
    }

    fn of(&self, effect: &str) -> (usize, usize) {
        let count = |told: &HashMap<String, usize>| told.get(effect).copied().unwrap_or_default();
        (count(&self.unmarked), count(&self.timeouts))
    }
}

/// How many repeats the members said they may have made.
pub fn ambiguous(logs: &[String]) -> usize {
    logs.iter().flat_map(|log| log.lines()).filter(|line| line.contains(MAY_BE)).count()
}
