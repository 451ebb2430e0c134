//! Slack takes one message a second per webhook URL, and so we send no more.

use std::time::Duration;

use anyhow::{Result, ensure};
use okr_tests::check_in;

use crate::world::{Channel, SOON, World, message, requests};

const EVENTS: u32 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_url_gets_one_message_a_second() -> Result<()> {
    check("one destination", &[Channel { name: "sales", hook: "shared", lines: "" }]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_destinations_with_one_url_share_its_second() -> Result<()> {
    let both = ["first", "second"].map(|name| Channel { name, hook: "shared", lines: "" });
    check("two destinations", &both).await
}

/// Messages of different subjects, accepted at once, arrive at one URL a second apart.
async fn check(name: &str, channels: &[Channel]) -> Result<()> {
    let world = World::start(channels, "").await?;
    for number in 0..EVENTS {
        let body = check_in("any", &format!("kr-{number}"), number);
        world.sender.accepted(&format!("msg-{number}"), &body).await?;
    }
    let expected = EVENTS as usize * channels.len();
    let texts = world.slack.wait_for_texts("shared", expected, SOON).await?;
    let mut numbers: Vec<u32> = texts.iter().map(|text| message(text).1).collect();
    numbers.sort_unstable();
    numbers.dedup();
    ensure!(numbers.len() == EVENTS as usize && texts.len() == expected, "{texts:?}");

    // The receiver's clock stands at the end of a way of varying length, so the distances are taken together.
    let seen = requests(&world.slack, "shared");
    let took = seen[seen.len() - 1].at - seen[0].at;
    let least = Duration::from_secs(expected as u64 - 1) - Duration::from_millis(100);
    ensure!(took >= least, "{expected} messages within {took:?}");
    let slack = least + Duration::from_secs(3);
    ensure!(took <= slack, "{expected} messages took {took:?}: slower than the rate allows");
    println!("rate 1/s, {name}: {expected} messages to one URL took {took:.2?}");
    Ok(())
}
