//! The first minute: start, send, see.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use okr_tests::check_in;

use crate::home::{Dev, SOON};

/// From `send` to the message in the terminal.
const PROMPT: Duration = Duration::from_millis(300);
const ROUNDS: u32 = 9;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_says_where_it_listens_and_a_send_shows_its_message_at_once() -> Result<()> {
    let dev = Dev::start().await?;
    let home = &dev.home;
    for words in [&home.gateway, &home.broker, &home.registry, &home.admin, "okr-router-data", " send"] {
        let said = async || dev.process.stderr().contains(words).then_some(());
        okr_tests::until(&format!("dev to say {words}"), SOON, said).await?;
    }
    ensure!(dev.process.stderr().contains("kind = \"terminal\""), "the default is shown in the open");
    ensure!(dev.process.stdout().is_empty(), "stdout is for messages: {}", dev.process.stdout());

    // `send` itself, with its sample: a process that starts, reads the configuration, signs and posts.
    let mut by_command = Vec::new();
    for round in 1..=ROUNDS as usize {
        let begin = Instant::now();
        let sent = async {
            let done = dev.command(&["send"]).await?;
            ensure!(done.code == 0, "{done:?}");
            let answer: serde_json::Value = serde_json::from_str(&done.stdout).context("no JSON")?;
            ensure!(answer["accepted"][0]["event_id"].is_string() && done.stderr.contains("202"), "{done:?}");
            Ok(())
        };
        let shown = async {
            let look = async || (dev.messages("is at 42%") >= round).then(Instant::now);
            fast(look).await.with_context(|| dev.process.tail())
        };
        let ((), shown) = tokio::try_join!(sent, shown)?;
        by_command.push(shown - begin);
    }

    // The POST alone, by a connection that is kept.
    let sender = dev.sender()?;
    let mut by_post = Vec::new();
    for number in 0..ROUNDS {
        let subject = format!("kr-{number}-post");
        let body = check_in("any", &subject, number);
        let (id, words) = (format!("msg-{number}"), format!("Title of {subject}"));
        let begin = Instant::now();
        let (answer, shown) = tokio::join!(sender.accepted(&id, &body), dev.message(&words));
        answer?;
        by_post.push(shown? - begin);
    }
    let [command, post] = [by_command, by_post].map(Figures::of);
    println!("from `send` to the message: {command}");
    println!("from POST to the message: {post}");
    ensure!(command.median < PROMPT, "from `send`: {command}");
    ensure!(post.median < PROMPT, "from POST: {post}");

    dev.process.signal("TERM")?;
    ensure!(dev.process.end(SOON).await? == 0, "{}", dev.process.tail());
    Ok(())
}

/// As `until`, looking every millisecond: what is measured is short.
async fn fast<T>(look: impl AsyncFn() -> Option<T>) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        ensure!(begin.elapsed() < SOON, "waited in vain");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The first of a series, which finds everything cold, its middle and its worst.
struct Figures {
    first: Duration,
    median: Duration,
    worst: Duration,
}

impl Figures {
    fn of(mut series: Vec<Duration>) -> Self {
        let first = series[0];
        series.sort();
        Self { first, median: series[series.len() / 2], worst: series[series.len() - 1] }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "first {:.0?}, median {:.0?}, worst {:.0?}", self.first, self.median, self.worst)
    }
}
