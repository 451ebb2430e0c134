//! The gateway is asked to leave, or killed, in the middle of its work.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use okr_tests::{Role, check_in, event_ids, until};

use crate::{
    evidence::{delivered, event_id, nothing_is_lost, repeats, topic},
    world::{DEADLINE, SOON, World},
};

/// What is in flight ends within the deadline of a request.
const PROMPTLY: Duration = DEADLINE;
/// How long a request may take from its sender to the gateway.
const BRIEFLY: Duration = Duration::from_millis(200);

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_stands_still_under_load_keeps_its_promises() -> Result<()> {
    let world = World::start().await?;
    let (gateway, _notifier) = world.roles().await?;
    let load = world.sender.load(8, "stopped");
    load.more_accepted(200, SOON).await?;
    // The pause itself is the fault: shorter, and longer, than a request may take.
    for pause in [DEADLINE / 2, DEADLINE * 2] {
        gateway.signal("STOP")?;
        tokio::time::sleep(pause).await;
        gateway.signal("CONT")?;
        load.more_accepted(100, SOON).await?;
    }
    let sent = load.stop().await;

    let log = topic(&world).await?;
    let accepted = nothing_is_lost(&sent, &log)?;
    for sent in sent.iter().filter(|sent| !sent.is_accepted()) {
        let reply = sent.answer.as_ref().map_err(|error| anyhow::anyhow!("no answer: {error:#}"))?;
        ensure!(reply.status == 503 && !reply.header("retry-after").is_empty(), "{reply:?}");
    }
    delivered(&world, &log, SOON).await?;
    ensure!(repeats(&world.receiver.seen()).is_empty(), "{:?}", repeats(&world.receiver.seen()));
    let refused = sent.len() - accepted;
    println!("gateway SIGSTOP and SIGCONT: {accepted} accepted and on the topic, {refused} refused");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_queue_is_full_refuses_at_once_and_keeps_its_promises() -> Result<()> {
    let world = World::start().await?;
    let small = [("OKR_ROUTER__KAFKA__PRODUCE_QUEUE", "48KiB")];
    let gateway = world.stack.start_with("gateway", &small)?;
    gateway.ready().await?;
    let load = world.sender.load(64, "filled");
    load.more_accepted(300, SOON).await?;
    world.kafka.pause()?;
    let full = filled(&gateway).await?;
    world.kafka.resume()?;
    load.more_accepted(200, SOON).await?;
    // Filled once more, and asked to leave while nothing can be sent.
    world.kafka.pause()?;
    filled(&gateway).await?;
    // What fills it is under way for longer than briefly by then; it waits for most of the deadline.
    tokio::time::sleep(2 * BRIEFLY).await;
    let asked = Instant::now();
    let code = gateway.term(SOON).await?;
    let took = asked.elapsed();
    world.kafka.resume()?;
    let sent = load.end().await;
    ensure!(took <= DEADLINE + DEADLINE / 2, "it took {took:?} to leave");
    ensure!(code == 0, "it exited with {code}: {}", gateway.tail());

    let log = topic(&world).await?;
    let accepted = nothing_is_lost(&sent, &log)?;
    let (mut refused, mut at_once, mut finished) = (0, 0, 0);
    for sent in &sent {
        // What knocked in that very moment may have met a closing connection.
        let was_in_flight = sent.began + BRIEFLY < asked && sent.began + sent.took > asked;
        finished += usize::from(was_in_flight);
        ensure!(sent.answer.is_ok() || !was_in_flight, "it left without an answer: {:?}", sent.answer);
        let Ok(reply) = &sent.answer else { continue };
        if !sent.is_accepted() {
            ensure!(reply.status == 503 && !reply.header("retry-after").is_empty(), "{reply:?}");
            refused += 1;
            at_once += usize::from(sent.took < DEADLINE / 5);
        }
    }
    ensure!(at_once >= 100, "only {at_once} of {refused} refusals came at once");
    ensure!(finished > 0, "nothing was in flight when it was asked to leave");
    println!(
        "queue full: {accepted} accepted and on the topic, {refused} refused, {at_once} of them at once ({full} records \
         at first); asked to leave it finished {finished} in {took:.1?}"
    );
    Ok(())
}

/// Waits until a hundred more records found the queue full; gives how many did so far.
async fn filled(gateway: &Role) -> Result<f64> {
    let count = async || gateway.metric("okr_produced_records_total", "queue_full").await;
    let before = count().await?;
    until("refusals of a full queue", SOON, async || count().await.ok().filter(|now| *now >= before + 100.0))
        .await
}
