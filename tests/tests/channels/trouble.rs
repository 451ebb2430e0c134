//! Four channels in four kinds of trouble, and a healthy one beside them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use okr_tests::{Answer, FakeSlack, check_in, until};

use crate::world::{Channel, SOON, World, message, requests};

/// What the limited channel asks for.
const RETRY_AFTER: u64 = 1;
/// Longer than a delivery may take.
const HANG: Duration = Duration::from_secs(20);
const SUBJECTS: u32 = 4;
const EVENTS: u32 = 24;
/// How soon the healthy channel has its message after the sender has its answer.
const UNDELAYED: Duration = Duration::from_secs(1);

const CHANNELS: &[Channel] = &[
    Channel { name: "healthy", hook: "healthy", lines: "rate = \"none\"" },
    Channel { name: "limited", hook: "limited", lines: "rate = \"none\"\nconcurrency = 1" },
    Channel { name: "failing", hook: "failing", lines: "rate = \"none\"" },
    Channel { name: "hanging", hook: "hanging", lines: "rate = \"none\"\ntimeout = \"700ms\"" },
    Channel { name: "closing", hook: "closing", lines: "rate = \"none\"" },
];

/// Attempts enough for the time of trouble, so that nothing is given up.
const OUTBOX: &str = "schedule = [\"200ms\", \"400ms\", \"800ms\"]\nattempts_max = 30\n\
                      breaker = { failures = 3, pause = \"300ms\", pause_max = \"600ms\" }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_in_trouble_lose_nothing_keep_order_and_delay_nobody_else() -> Result<()> {
    let world = World::start(CHANNELS, OUTBOX).await?;
    let slack = &world.slack;
    slack.always(&FakeSlack::path("limited"), Answer::TooMany(RETRY_AFTER));
    slack.always(&FakeSlack::path("failing"), Answer::Status(500, "internal_error"));
    slack.always(&FakeSlack::path("hanging"), Answer::Hang(HANG));
    slack.always(&FakeSlack::path("closing"), Answer::Close);

    let mut delays = Vec::new();
    for number in 0..EVENTS {
        let body = check_in("any", &format!("kr-{}", number % SUBJECTS), number);
        world.sender.accepted(&format!("msg-{number}"), &body).await?;
        let sent = Instant::now();
        slack.wait_for_texts("healthy", number as usize + 1, SOON).await?;
        delays.push(sent.elapsed());
        if number == EVENTS / 2 {
            trouble_is_felt(slack).await?;
        }
    }
    delays.sort();
    let (median, worst) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    ensure!(worst <= UNDELAYED, "the healthy channel waited up to {worst:?}");

    for channel in &CHANNELS[1..] {
        slack.always(&FakeSlack::path(channel.hook), Answer::Ok("ok"));
    }
    let mended = Instant::now();
    for channel in CHANNELS {
        slack.wait_for_texts(channel.hook, EVENTS as usize, 2 * SOON).await?;
    }
    let caught_up = mended.elapsed();
    for channel in CHANNELS {
        everything_in_order(channel.name, &slack.texts(channel.hook))?;
    }
    asked_again_no_sooner_than_told(slack)?;
    let buried = world.notifier.metric("okr_outbox_dead_letters_total", "").await?;
    ensure!(buried < 0.5, "{buried} dead letters");
    println!(
        "beside channels in trouble: the healthy one waited {median:.0?} (median), {worst:.0?} (worst); all caught up \
         {caught_up:.1?} after they were mended"
    );
    Ok(())
}

/// Waits until each channel in trouble has failed several times.
async fn trouble_is_felt(slack: &FakeSlack) -> Result<()> {
    for channel in &CHANNELS[1..] {
        let felt = async || (requests(slack, channel.hook).len() >= 3).then_some(());
        until(&format!("trouble in {}", channel.name), SOON, felt).await?;
    }
    Ok(())
}

/// Each event was accepted once, and of each subject in its order.
fn everything_in_order(name: &str, texts: &[String]) -> Result<()> {
    let mut by_subject: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (subject, number) in texts.iter().map(|text| message(text)) {
        by_subject.entry(subject).or_default().push(number);
    }
    ensure!(by_subject.len() == SUBJECTS as usize, "{name}: {by_subject:?}");
    ensure!(
        by_subject.values().all(|numbers| numbers.is_sorted()),
        "{name} has another order: {by_subject:?}"
    );
    let numbers: BTreeSet<u32> = by_subject.values().flatten().copied().collect();
    let count = by_subject.values().map(Vec::len).sum::<usize>();
    ensure!(
        numbers.len() == EVENTS as usize && count == EVENTS as usize,
        "{name} has {count}: {by_subject:?}"
    );
    Ok(())
}

/// With one delivery at a time, nothing comes to the limited channel before its Retry-After is over.
fn asked_again_no_sooner_than_told(slack: &FakeSlack) -> Result<()> {
    let seen = requests(slack, "limited");
    let pairs = seen.windows(2).filter(|pair| matches!(pair[0].answer, Answer::TooMany(_)));
    for pair in pairs {
        let gap = pair[1].at - pair[0].at;
        ensure!(gap >= Duration::from_secs(RETRY_AFTER), "asked again after {gap:?}");
    }
    Ok(())
}
