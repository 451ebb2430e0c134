//! The notifier is killed in the middle of its deliveries.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use okr_tests::{Answer, check_in};

use crate::{
    evidence::{delivered, event_id, order_is_kept, repeats, topic},
    world::{SOON, World},
};

const SUBJECTS: u32 = 24;
const EVENTS: u32 = 240;
/// How long the receiver takes for each.
const TAKES: Duration = Duration::from_millis(100);
/// The window between the receiver's acceptance and our mark, which two loaded cores and a slow disk stretch.
const UNMARKED: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_notifier_repeats_at_most_what_was_under_way_and_loses_nothing() -> Result<()> {
    let world = World::start().await?;
    let (_gateway, notifier) = world.roles().await?;
    world.receiver.always("/hook", Answer::Slow(TAKES));
    // Of each subject one after the other, all subjects at once.
    let subjects = (0..SUBJECTS).map(|subject| {
        let sender = &world.sender;
        async move {
            for number in (subject..EVENTS).step_by(SUBJECTS as usize) {
                let body = check_in("load", &format!("kr-{subject}"), number);
                sender.accepted(&format!("msg-{number}"), &body).await?;
            }
            anyhow::Ok(())
        }
    });
    try_join_all(subjects).await?;
    world.receiver.wait_for(EVENTS as usize / 3, SOON).await?;
    notifier.kill9();
    let killed = Instant::now();
    let before = world.receiver.seen();
    ensure!(before.len() < EVENTS as usize, "it was done before it was killed");

    // The same data_dir, and so the same store.
    let _notifier = world.stack.role("notifier").await?;
    let ready = killed.elapsed();
    let log = topic(&world).await?;
    ensure!(log.len() == EVENTS as usize, "{} are on the topic", log.len());
    delivered(&world, &log, 2 * SOON).await?;
    world.goes_on("kr-last").await?;
    let seen = world.receiver.seen();
    order_is_kept(&log, &seen)?;

    // What was under way, and what had been accepted and was not marked yet.
    let recent = before.iter().filter(|seen| killed.duration_since(seen.at) < TAKES + UNMARKED);
    let recent: HashSet<String> = recent.map(event_id).collect();
    let repeats = repeats(&seen);
    for (id, times) in &repeats {
        ensure!(*times == 1 && recent.contains(id), "{id} was repeated {times} times");
    }
    println!(
        "notifier SIGKILL after {} of {EVENTS}: none lost, {} repeated, ready again after {ready:.1?}",
        before.len(),
        repeats.len()
    );
    Ok(())
}
