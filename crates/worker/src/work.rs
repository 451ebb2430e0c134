//! The work on one record: decode, handle, or bury. Runs beside the owner of the state and shares nothing with it.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use boot::Clock;
use boot::trace::within;
use futures::future::FutureExt;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::ReusableBoxFuture;

use crate::job::{Done, Entry, Job, Outcome, Verdict};
use crate::letters::{Giver, compose};
use crate::{DeadLetters, Failure, Handler, traces};

/// What every job needs. Shared, cheap to clone.
pub struct Bench<H> {
    pub service: &'static str,
    /// The consumer group, for spans.
    pub group: String,
    pub handler: H,
    pub dead: Arc<dyn DeadLetters>,
    pub clock: Clock,
}

/// A job under way. It is too large for the allocator's quick lists, so who ends at once leaves its memory to the next.
pub type Work<T> = ReusableBoxFuture<'static, Done<T>>;

/// Begins a job. What ends without waiting for anything is done here and now, which saves a task and two hops
/// between threads per record; the rest goes on as a task and comes home through `home`.
pub fn begin<H: Handler>(
    bench: &Arc<Bench<H>>,
    job: Job<H::Item>,
    home: &UnboundedSender<Done<H::Item>>,
    spare: &mut Option<Work<H::Item>>,
) -> Option<Done<H::Item>> {
    let work = perform(Arc::clone(bench), job);
    let mut work = match spare.take() {
        Some(mut spare) => {
            spare.set(work);
            spare
        }
        None => Work::new(work),
    };
    // The task polls it again at once, so that no wake-up of this first look is missed.
    if let Poll::Ready(done) = work.poll(&mut Context::from_waker(Waker::noop())) {
        *spare = Some(work);
        return Some(done);
    }
    let home = home.clone();
    tokio::spawn(async move {
        // The owner is gone only when the process stops and waits no longer.
        let _ = home.send(work.await);
    });
    None
}

async fn perform<H: Handler>(bench: Arc<Bench<H>>, job: Job<H::Item>) -> Done<H::Item> {
    let Job { ticket, mut entry } = job;
    let outcome = match entry.verdict.clone() {
        Some(verdict) => bury(&bench, &entry, verdict).await,
        None => {
            let span = traces::process(bench.service, &bench.group, &mut entry);
            // A panic leaves at most the item half made, and such a record is rejected and not handled again.
            let work = pin!(AssertUnwindSafe(attempt(&bench.handler, &mut entry)).catch_unwind());
            let caught = within(span.recorded(), work).await;
            let outcome =
                caught.unwrap_or_else(|panic| Outcome::Failed(Failure::reject("panic", said(&*panic))));
            traces::end(span, &outcome);
            outcome
        }
    };
    Done { ticket, entry, outcome }
}

async fn attempt<H: Handler>(handler: &H, entry: &mut Entry<H::Item>) -> Outcome {
    if entry.item.is_none() {
        match handler.decode(&entry.record).await {
            Ok(item) => entry.item = Some(Box::new(item)),
            Err(failure) => return Outcome::Failed(failure),
        }
    }
    let Some(item) = &entry.item else { return Outcome::Failed(Failure::retry("decode", "no item")) };
    match handler.handle(item, &entry.record, entry.attempts.saturating_add(1)).await {
        Ok(()) => Outcome::Handled,
        Err(failure) => Outcome::Failed(failure),
    }
}

async fn bury<H: Handler, T>(bench: &Bench<H>, entry: &Entry<T>, verdict: Verdict) -> Outcome {
    let at = (bench.clock)().to_string();
    let service = bench.dead.service().unwrap_or(bench.service);
    let giver = Giver { service, at: &at, partitions: bench.dead.partitions() };
    let letter = compose(&entry.record, &giver, entry.attempts, &verdict);
    let mut span = traces::letter(&entry.record, entry.first_try, &letter, &verdict);
    match bench.dead.bury(letter).await {
        Ok(()) => Outcome::Buried,
        Err(error) => {
            span.fail("unacknowledged", &error);
            Outcome::Unburied(error)
        }
    }
}

/// What a panic said, as far as it can be read.
pub fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
