//! What an engine does beside delivering: looks for rows of others, measures its queue, forgets what is old.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::holder::{Holding, names, until};
use crate::vigil::Vigil;
use crate::{Depth, Engine, EngineOptions, observe};

/// How often the queue is measured.
const MEASURE: Duration = Duration::from_secs(10);

/// How long the store may take to say which rows are due; the watch over the engine goes on.
const ANSWER: Duration = Duration::from_secs(5);

/// How often old rows are forgotten.
const PRUNE: Duration = Duration::from_secs(3_600);

/// Wakes targets for which another process has planned rows, and watches over the engine meanwhile. One question for all
/// targets.
pub async fn poll(engine: &Engine, holding: watch::Receiver<Holding>) {
    let options = engine.options();
    let check = options.house.health.check(format!("{}.deliveries", options.service));
    check.ok();
    let (mut vigil, mut told) = (Vigil::default(), None);
    let roster = engine.roster();
    let pause = options.config.poll.0.max(Duration::from_millis(10));
    while !over(options, pause).await {
        // That the store does not answer is told by the clerk.
        let targets = names(&roster.borrow());
        let due = timeout(ANSWER, options.queue.next_due(options.service, &targets)).await;
        let (due, now) = (due.ok().and_then(Result::ok).unwrap_or_default(), (options.house.clock)());
        let due = due.into_iter().filter(|(_, moment)| *moment <= now);
        let woken: Vec<String> = due.map(|(target, _)| target).collect();
        woken.iter().for_each(|target| engine.wake(target));
        let why = vigil.look(&engine.beats, holding.borrow().is_live(now), &woken);
        if why != told {
            why.as_ref().map_or_else(|| check.ok(), |why| check.fail(why.clone()));
            told = why;
        }
    }
}

/// Measures depth and age per target, and learns which targets are full. A target that was configured once is measured
/// on: its rows wait for it.
pub async fn measure(engine: &Engine) {
    let options = engine.options();
    let (roster, mut targets) = (engine.roster(), BTreeSet::new());
    loop {
        targets.extend(names(&roster.borrow()));
        if let Ok(depths) = options.queue.depths(options.service).await {
            let now = (options.house.clock)();
            for target in &targets {
                let empty = Depth { target: target.clone(), rows: 0, oldest: None };
                let depth = depths.iter().find(|depth| depth.target == *target).unwrap_or(&empty);
                let age = depth.oldest.map_or(Duration::ZERO, |oldest| until(now, oldest));
                observe::depth(options.service, depth, age.as_secs_f64());
            }
            let full = depths.into_iter().filter(|depth| depth.rows >= options.config.rows_max);
            *engine.lock_full() = full.map(|depth| depth.target).collect();
        }
        if over(options, MEASURE).await {
            return;
        }
    }
}

/// Forgets rows that were finished long ago.
pub async fn prune(options: &EngineOptions) {
    let keep = SignedDuration::try_from(options.config.keep.0).unwrap_or(SignedDuration::MAX);
    while !over(options, PRUNE).await {
        let Ok(before) = (options.house.clock)().checked_sub(keep) else { continue };
        match options.queue.prune(before).await {
            Ok(rows) => tracing::debug!(service = options.service, rows, "forgot old rows of the outbox"),
            Err(error) => {
                tracing::warn!(service = options.service, %error, "old rows of the outbox were not forgotten")
            }
        }
    }
}

/// Waits; true when the house shuts down meanwhile.
async fn over(options: &EngineOptions, pause: Duration) -> bool {
    tokio::select! {
        biased;
        () = options.house.shutdown.cancelled() => true,
        () = sleep(pause) => false,
    }
}
