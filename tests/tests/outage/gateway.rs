//! The gateway is asked to leave, or killed, in the middle of its work.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use okr_tests::{check_in, event_ids};

use crate::{
    evidence::{delivered, event_id, nothing_is_lost, repeats, topic},
    world::{DEADLINE, SOON, World},
};

/// What is in flight ends within the deadline of a request.
const PROMPTLY: Duration = DEADLINE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_asked_to_leave_under_load_keeps_its_promises() -> Result<()> {
    let world = World::start().await?;
    let (gateway, _notifier) = world.roles().await?;
    let load = world.sender.load(8, "term");
    load.more_accepted(200, SOON).await?;
    let asked = Instant::now();
    let code = gateway.term(SOON).await?;
    let took = asked.elapsed();
    let sent = load.end().await;
    ensure!(code == 0, "it exited with {code}: {}", gateway.tail());
    ensure!(took <= PROMPTLY, "it took {took:?}");

    let log = topic(&world).await?;
    let accepted = nothing_is_lost(&sent, &log)?;
    let mut late = 0;
    for sent in sent.iter().filter(|sent| !sent.is_accepted()) {
        // A refusal, or a connection that nobody accepts any more; but never before it was asked to leave.
        ensure!(sent.began + sent.took >= asked, "{:?}", sent.answer);
        if let Ok(reply) = &sent.answer {
            ensure!(reply.status == 503 && !reply.header("retry-after").is_empty(), "{reply:?}");
        }
        late += 1;
    }
    delivered(&world, &log, SOON).await?;
    ensure!(repeats(&world.receiver.seen()).is_empty(), "{:?}", repeats(&world.receiver.seen()));
    println!(
        "gateway SIGTERM: {accepted} accepted and on the topic, {late} turned away, {} on the topic without a promise; \
         exit 0 after {took:.2?}",
        log.len() - accepted
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_repeated_after_a_restart_has_the_same_ids_and_one_message() -> Result<()> {
    let world = World::start().await?;
    let (gateway, notifier) = world.roles().await?;
    let body = check_in("load", "kr-repeated", 1);
    let first = world.sender.accepted("msg-repeated", &body).await?;
    let ids = event_ids(&first);
    ensure!(ids.len() == 1, "{first}");
    world.receiver.wait_for(1, SOON).await?;

    ensure!(gateway.term(SOON).await? == 0, "{}", gateway.tail());
    let gateway = world.stack.role("gateway").await?;
    let second = world.sender.accepted("msg-repeated", &body).await?;
    gateway.kill9();
    let _gateway = world.stack.role("gateway").await?;
    let third = world.sender.accepted("msg-repeated", &body).await?;
    for answer in [&second, &third] {
        ensure!(event_ids(answer) == ids, "{answer} has other ids than {first}");
        ensure!(answer["duplicates"] == 0, "its memory is empty: {answer}");
    }

    // The same subject, so the same partition: when this message is there, the repeats have been read.
    world.sender.accepted("msg-after", &check_in("load", "kr-repeated", 2)).await?;
    let seen = world.receiver.wait_for(2, SOON).await?;
    let log = topic(&world).await?;
    let times = log.iter().filter(|record| record.id == ids[0]).count();
    ensure!(times == 3, "produced by each of three processes, but it is {times} times on the topic");
    let messages = seen.iter().filter(|seen| event_id(seen) == ids[0]).count();
    ensure!(messages == 1 && seen.len() == 2, "{messages} messages of one event, {} in all", seen.len());
    let suppressed = notifier.metric("okr_outbox_suppressed_duplicates_total", "").await?;
    ensure!((suppressed - 2.0).abs() < 0.5, "{suppressed} were suppressed");
    println!("gateway restarted: one delivery, three processes, the same id, one message");
    Ok(())
}
