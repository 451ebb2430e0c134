//! Values that a sender may use once: taken in the store before a delivery goes to Kafka, kept once Kafka has it, and
//! left if nothing came of it.
//!
//! While it is taken, another body with it is asked to come again (503): only the outcome of the first says whether it
//! is a second use. The same body may always come again; then it is on its way more than once, and as long as one of
//! them can come through, it stays taken. A gateway that dies leaves nothing either; what is not left is free after the
//! longest time that a delivery can be on its way.

use std::{fmt, sync::Arc, time::Duration};

use boot::House;
use http::HeaderMap;
use sha2::{Digest, Sha256};
use sources::{Refusal, Source};
use store::{Begun, Hash, Nonces, Taken, Used};
use tokio::time::{Instant, timeout_at};

use crate::{door::Door, observe, problem::Problem};

/// How long the store may take to keep a value.
pub(crate) const KEEP_MAX: Duration = Duration::from_secs(5);
/// How often old values are forgotten.
const PRUNE_PERIOD: Duration = Duration::from_secs(60);
/// Values of a source that is not configured here are forgotten after this time: another gateway may have it still.
const STRANGE_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// The value of one request, and what it stands for.
pub(crate) struct Once {
    store: Arc<dyn Nonces>,
    source: String,
    nonce: Hash,
    content: Hash,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("source", &self.source).finish_non_exhaustive()
    }
}

/// What comes of a proven request's value.
pub(crate) enum Asked {
    /// The source brings none.
    Nothing,
    /// It was never used: keep it once the delivery is stored.
    New(Once),
    /// The same request again, and what it was told.
    Again(Vec<u8>),
}

/// Looks a proven request's value up.
pub(crate) async fn ask(
    store: Option<&Arc<dyn Nonces>>,
    source: &Source,
    (headers, body, is_batch): (&HeaderMap, &[u8], bool),
    deadline: Instant,
) -> Result<Asked, Problem> {
    let Some(nonce) = source.nonce(headers).map_err(refused)? else { return Ok(Asked::Nothing) };
    let store = store.ok_or(unavailable("store"))?.clone();
    let mut content = Sha256::new_with_prefix([u8::from(is_batch)]);
    content.update(body);
    let once = Once {
        store,
        source: source.name().to_owned(),
        nonce: Sha256::digest(nonce).into(),
        content: content.finalize().into(),
    };
    let used = once.until(deadline, once.store.used(&once.source, &once.nonce)).await;
    match used.map_err(unavailable)? {
        None => Ok(Asked::New(once)),
        // What was held may be understood by now: the duplicate window knows.
        Some(used) if used.content == once.content && is_held(&used.answer) => Ok(Asked::New(once)),
        Some(used) if used.content == once.content => Ok(Asked::Again(used.answer)),
        Some(_) => Err(once.reused()),
    }
}

fn refused(refusal: Refusal) -> Problem {
    Problem::Unproven { reason: refusal.reason() }
}

impl Once {
    /// Goes the delivery's way between taking the value and keeping it. `answer` is what a repeat is to be told, and none
    /// if nothing came of the delivery. No delivery is on its way for longer than `taken_max`.
    pub(crate) async fn around<T>(
        self,
        taken_max: Duration,
        way: impl Future<Output = T>,
        answer: impl FnOnce(&T) -> Option<Vec<u8>>,
    ) -> Result<T, Problem> {
        let taken = self.take(taken_max).await?;
        let outcome = way.await;
        match (answer(&outcome), taken) {
            (Some(answer), _) => self.keep(answer).await?,
            (None, Some(taken)) => self.leave(&taken).await,
            (None, None) => {}
        }
        Ok(outcome)
    }

    /// Takes it, and answers what to leave if nothing comes of the delivery; nothing, if others may be on their way.
    async fn take(&self, taken_max: Duration) -> Result<Option<Taken>, Problem> {
        let taken_max = around_max(taken_max);
        let taking = self.store.take_nonce(&self.source, &self.nonce, &self.content, taken_max);
        match self.until(Instant::now() + KEEP_MAX, taking).await.map_err(unavailable)? {
            Begun::Taken(taken) => Ok(Some(taken)),
            Begun::Shared => Ok(None),
            // It was kept since it was asked about; what is known of the delivery is the same everywhere.
            Begun::Used(used) if used.content == self.content => Ok(None),
            Begun::Used(_) => Err(self.reused()),
            Begun::Busy => Err(unavailable("nonce_taken")),
        }
    }

    /// Keeps the value with what a repeat is to be told. Kafka has the delivery: if this fails, the sender is told to
    /// come again, and then it is kept.
    async fn keep(&self, answer: Vec<u8>) -> Result<(), Problem> {
        let used = Used { content: self.content, answer };
        // Kafka may have been slower than the sender's patience; the value counts as used all the same.
        let limit = Instant::now() + KEEP_MAX;
        let keeping = self.store.keep_nonce(&self.source, &self.nonce, &used);
        if self.until(limit, keeping).await.map_err(unavailable)? { Ok(()) } else { Err(self.reused()) }
    }

    /// Lets other bodies have it: nothing was promised to this one's sender.
    async fn leave(&self, taken: &Taken) {
        let leaving = self.store.leave_nonce(&self.source, &self.nonce, taken);
        // What cannot be left is free after a while.
        let _ = self.until(Instant::now() + KEEP_MAX, leaving).await;
    }

    fn reused(&self) -> Problem {
        let source = &self.source;
        let (reason, refusal) = (Refusal::Reused.reason(), Refusal::Reused);
        tracing::info!(okr.source = source, reason, "refused a request to {source}: {refusal}");
        refused(refusal)
    }

    async fn until<T>(
        &self,
        limit: Instant,
        asking: impl Future<Output = Result<T, store::QueueError>>,
    ) -> Result<T, &'static str> {
        match timeout_at(limit, asking).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a nonce of {} was not looked up, taken or kept: {error}", self.source);
                Err("store")
            }
            Err(_) => Err("store"),
        }
    }
}

/// How long a value may be taken: what is around the way takes its time as well.
fn around_max(way_max: Duration) -> Duration {
    way_max + 2 * KEEP_MAX
}

fn unavailable(reason: &'static str) -> Problem {
    Problem::Unavailable { reason }
}

/// Whether something of what an answer tells was held.
fn is_held(answer: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(answer) else { return false };
    let held = |part: &serde_json::Value| part["held"].as_u64().is_some_and(|count| count > 0);
    held(&answer) || answer["items"].as_array().is_some_and(|items| items.iter().any(held))
}

/// Forgets what is too old to be proven, again and again until the house shuts down.
pub(crate) fn prune(store: Arc<dyn Nonces>, door: Arc<Door>, house: &House) {
    let shutdown = house.shutdown.clone();
    house.tasks.spawn("gateway nonces", async move {
        let work = async {
            loop {
                tokio::time::sleep(PRUNE_PERIOD).await;
                prune_all(&*store, &door).await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            never = work => never,
        }
    });
}

pub(crate) async fn prune_all(store: &dyn Nonces, door: &Door) {
    let known = match store.nonce_sources().await {
        Ok(known) => known,
        Err(error) => {
            tracing::warn!(%error, "old nonces were not forgotten: {error}");
            return;
        }
    };
    let entrances = door.entrances().take();
    for source in known {
        let age = entrances.get(&source).and_then(|entrance| entrance.source.nonce_age());
        // A value that is taken may be older than its signature may be, while Kafka is slow: it stays for its whole way.
        let age = age.unwrap_or(STRANGE_AGE).max(around_max(door.way_max()));
        match store.prune_nonces(&source, age).await {
            Ok(count) => observe::nonces_pruned(count),
            Err(error) => tracing::warn!(%error, "the old nonces of {source} were not forgotten: {error}"),
        }
    }
}
