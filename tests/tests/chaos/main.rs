//! Chaos: three notifiers on one Postgres deliver 100,000 events over 24 partitions to 40 destinations, while members
//! are killed, stopped past their session and past the poll interval, added and removed, and the broker is killed and
//! started again. All of it follows from one seed, which is printed; `OKR_CHAOS_SEED` gives it back,
//! `OKR_CHAOS_EVENTS` and `OKR_CHAOS_SECONDS` change the size, `OKR_TEST_LONG=1` takes 15 minutes and a seed of its own.
//!
//! What must hold, however it went:
//!
//! - Every event reaches its destination, and nothing else does: each request bears the effect id of its event and its
//!   destination, so one that refuses ids that it knows has each event exactly once. There is no dead letter.
//! - The first deliveries of a subject's events come in their order.
//! - The lag is zero, the outbox empty and every member ready within a stated time, with nobody helping. No member ends
//!   by itself, and who is asked to leave does so in peace.
//! - A repeat has an excuse. Every delivery bears the number of the member that sent it, so it is known whose sending
//!   window it was: from the request until the mark is written. A delivery is *hit* by a kill or a stop of its own
//!   sender that falls into this window, or by a time-out that its sender told of. An effect came at most once more
//!   than that many different kills, stops and time-outs hit its deliveries. Neither starts, nor orderly ends, nor
//!   rebalances, nor the broker's absence excuse anything. It cannot be stricter: the end of a window is written in no
//!   place that survives its sender, so a window counts as long as any mark may take here (`evidence::WINDOW`).
//! - A repeat is told by whoever repeats, after a time-out too: for each, one line (and one count of
//!   `okr_outbox_ambiguous_total`) names the effect.

mod dice;
mod events;
mod evidence;
mod feed;
mod fleet;
mod receiver;
mod schedule;
mod world;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::{dice::Dice, events::Events, fleet::Fleet, schedule::Step, world::World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_befalls_members_and_broker_every_event_arrives_and_no_repeat_lacks_an_excuse() -> Result<()>
{
    let mut dice = Dice::new(dice::seed());
    let (count, seconds) = if dice::is_long() { (750_000, 900) } else { (100_000, 120) };
    let length = Duration::from_secs(number("OKR_CHAOS_SECONDS", seconds));
    let events = Arc::new(Events::new(number("OKR_CHAOS_EVENTS", count) as usize, &mut dice));
    let steps = schedule::draw(length, &mut dice);
    let began = Instant::now();
    let world = World::start(Arc::clone(&events), began).await?;
    let mut fleet = Fleet::start(&world, began).await?;

    let (broker, registry) = (world.broker.clone(), world.registry.clone());
    let feed = tokio::spawn(feed::feed(Arc::clone(&events), broker, registry, length));
    trouble(&world, &mut fleet, &steps, began).await?;
    feed.await??;
    fleet.settle().await?;
    evidence::rests(&world, &events, &fleet, began).await?;

    let counted = fleet.metric("okr_outbox_ambiguous_total").await? as usize;
    let journal = fleet.leave().await?;
    let told = evidence::ambiguous(&journal.stayed);
    ensure!(counted == told, "{counted} deliveries were counted as ambiguous and {told} told");
    let strange = world.receiver.strange();
    ensure!(strange.is_empty(), "{} strange deliveries, such as {:?}", strange.len(), strange.first());
    let arrivals = world.receiver.arrivals();
    evidence::order_is_kept(&events, &arrivals)?;
    let repeats = evidence::repeats_are_excused(&events, &arrivals, &journal)?;
    println!("  {} members stood still past the poll interval and said so", journal.stalls());
    println!("{} events, {repeats} repeats; {:.1?} in all", events.len(), began.elapsed());
    Ok(())
}

/// Takes the steps in their time. None of them may be one that nobody felt, for want of work.
async fn trouble(world: &World, fleet: &mut Fleet, steps: &[(Duration, Step)], began: Instant) -> Result<()> {
    let zero = Instant::now();
    for (at, step) in steps {
        sleep(at.saturating_sub(zero.elapsed())).await;
        let (arrived, all) = (world.receiver.distinct(), world.receiver.wanted());
        println!("{:7.1} s  {step:?}, {arrived} of {all} arrived", began.elapsed().as_secs_f64());
        let hits = matches!(step, Step::Kill(_) | Step::Stop(_) | Step::Remove(_) | Step::KillBroker);
        ensure!(!hits || arrived < all, "there is nothing left to do");
        fleet.take(world, *step).await?;
    }
    Ok(())
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
