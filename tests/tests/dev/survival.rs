//! `dev` ends, politely or not, and starts again on its data.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use okr_tests::{check_in, event_ids, until};

use crate::home::{Dev, SOON};

/// How soon it is ready again after a kill: nobody waits for leases or sessions of the dead.
const READY_AGAIN: Duration = Duration::from_secs(6);
/// Deliveries that are accepted just before it is killed.
const BURST: u32 = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_a_restart_and_a_kill_and_no_message_comes_again() -> Result<()> {
    let mut dev = Dev::start().await?;
    let mut ids = Vec::new();
    ids.extend(send(&dev, "first").await?);
    dev.message("Title of first").await?;

    let asked = Instant::now();
    dev.process.signal("TERM")?;
    let code = dev.process.end(SOON).await?;
    let (ended, took) = (dev.process.ended(), asked.elapsed());
    ensure!(code == 0 && ended == Some(0), "it exited with {code}: {}", dev.process.tail());
    dev.restart().await?;
    ids.extend(send(&dev, "second").await?);
    dev.message("Title of second").await?;
    settled(&dev).await?;

    dev.process.kill9();
    let killed = Instant::now();
    dev.restart().await?;
    let ready = killed.elapsed();
    ids.extend(send(&dev, "third").await?);
    let shown = dev.message("Title of third").await? - killed;
    ensure!(shown < READY_AGAIN, "it took {ready:?} until it was ready, {shown:?} until a new message");
    for title in ["first", "second", "third"] {
        let times = dev.messages(&format!("Title of {title}"));
        ensure!(times == 1, "{title} is {times} times in the terminal");
    }
    on_the_topic(&dev, &ids).await?;
    println!(
        "dev: SIGTERM took {took:.2?}; after SIGKILL ready within {ready:.1?}, a new message within {shown:.1?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_and_not_yet_delivered_is_delivered_after_a_kill() -> Result<()> {
    let mut dev = Dev::start().await?;
    let sender = dev.sender()?;
    let sent = (0..BURST).map(|number| {
        let sender = &sender;
        let body = check_in("any", &format!("burst-{number}."), number);
        async move { sender.accepted(&format!("msg-burst-{number}"), &body).await }
    });
    let answers = try_join_all(sent).await?;
    dev.process.kill9();
    let killed = Instant::now();
    let before = dev.messages("Title of burst-");
    let shown_before: HashSet<u32> = (0..BURST).filter(|number| shown(&dev, *number) > 0).collect();
    dev.restart().await?;
    let all = async || (0..BURST).all(|number| shown(&dev, number) > 0).then_some(());
    until("every message of the burst", SOON, all).await.with_context(|| {
        let missing: Vec<u32> = (0..BURST).filter(|number| shown(&dev, *number) == 0).collect();
        format!("{missing:?} are missing; {}", dev.process.tail())
    })?;
    let took = killed.elapsed();
    let ids: Vec<String> = answers.iter().flat_map(event_ids).collect();
    ensure!(ids.len() == BURST as usize, "{} ids", ids.len());
    on_the_topic(&dev, &ids).await?;

    // A line that was written and not yet marked at the kill may come once more; nothing else.
    let repeated: Vec<u32> = (0..BURST).filter(|number| shown(&dev, *number) > 1).collect();
    ensure!(repeated.iter().all(|number| shown(&dev, *number) == 2), "{repeated:?}");
    ensure!(repeated.iter().all(|number| shown_before.contains(number)), "{repeated:?}");
    // As many as the target may have under way, and each of them is counted.
    ensure!(repeated.len() <= 8, "{repeated:?}");
    let counted = counted_repeats(&dev).await?;
    ensure!(repeated.len() as f64 <= counted, "{} came again, {counted} counted", repeated.len());
    println!(
        "dev killed after {BURST} were accepted and {before} shown: the rest came within {took:.1?}, {} came again",
        repeated.len()
    );
    Ok(())
}

async fn send(dev: &Dev, subject: &str) -> Result<Vec<String>> {
    let answer = dev.sender()?.accepted(&format!("msg-{subject}"), &check_in("any", subject, 1)).await?;
    Ok(event_ids(&answer))
}

/// How many times the message of this number was shown.
fn shown(dev: &Dev, number: u32) -> usize {
    dev.messages(&format!("Title of burst-{number}."))
}

/// Messages that this process may have sent once more, as it counts them.
async fn counted_repeats(dev: &Dev) -> Result<f64> {
    let page = okr_tests::get(&format!("http://{}/metrics", dev.home.admin)).await?.text();
    let counts = page.lines().filter(|line| line.starts_with("okr_outbox_ambiguous_total{"));
    Ok(counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// Waits until this process has marked a message as delivered: that it can be read is a moment earlier.
async fn settled(dev: &Dev) -> Result<()> {
    let url = format!("http://{}/metrics", dev.home.admin);
    let look = async || {
        let page = okr_tests::get(&url).await.ok()?.text();
        let is_mark = |line: &&str| {
            line.starts_with("okr_store_calls_total{") && line.contains(r#"call="settle",outcome="ok""#)
        };
        page.lines().find(is_mark).map(drop)
    };
    until("the mark in the metrics", SOON, look).await
}

/// `tail --from earliest` shows them all.
async fn on_the_topic(dev: &Dev, ids: &[String]) -> Result<()> {
    let max = ids.len().to_string();
    let done = dev.command(&["tail", "--from", "earliest", "--max", &max]).await?;
    ensure!(done.code == 0, "{done:?}");
    let mut found = HashSet::new();
    for line in done.stdout.lines() {
        let record: serde_json::Value = serde_json::from_str(line)?;
        found.insert(record["headers"]["ce_id"].as_str().unwrap_or_default().to_owned());
    }
    let missing: Vec<&String> = ids.iter().filter(|id| !found.contains(*id)).collect();
    ensure!(missing.is_empty(), "{missing:?} are not on the topic");
    Ok(())
}
