//! Values that a sender may use once: asked about before a delivery goes its way, kept once Kafka has it.
//!
//! Two requests with one value and different bodies that are under way at the same moment both pass: the value is kept
//! only when Kafka has acknowledged. It takes the sender's own key to sign two such bodies.

use std::{fmt, sync::Arc, time::Duration};

use boot::House;
use http::HeaderMap;
use sha2::{Digest, Sha256};
use sources::{Refusal, Source};
use store::{Hash, Nonces, Used};
use tokio::time::{Instant, timeout_at};

use crate::{door::Door, observe, problem::Problem};

/// How long the store may take to keep a value.
pub(crate) const KEEP_MAX: Duration = Duration::from_secs(5);
/// How often old values are forgotten.
const PRUNE_PERIOD: Duration = Duration::from_secs(60);

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
    let refused = |refusal: Refusal| Problem::Unproven { reason: refusal.reason() };
    let Some(nonce) = source.nonce(headers).map_err(refused)? else { return Ok(Asked::Nothing) };
    let store = store.ok_or(Problem::Unavailable { reason: "store" })?.clone();
    let mut content = Sha256::new_with_prefix([u8::from(is_batch)]);
    content.update(body);
    let once = Once {
        store,
        source: source.name().to_owned(),
        nonce: Sha256::digest(nonce).into(),
        content: content.finalize().into(),
    };
    let used = once.until(deadline, once.store.used(&once.source, &once.nonce)).await;
    match used.map_err(|reason| Problem::Unavailable { reason })? {
        None => Ok(Asked::New(once)),
        // What was held may be understood by now: the duplicate window knows.
        Some(used) if used.content == once.content && is_held(&used.answer) => Ok(Asked::New(once)),
        Some(used) if used.content == once.content => Ok(Asked::Again(used.answer)),
        Some(_) => {
            let source = &once.source;
            let (reason, refusal) = (Refusal::Reused.reason(), Refusal::Reused);
            tracing::info!(okr.source = source, reason, "refused a request to {source}: {refusal}");
            Err(refused(refusal))
        }
    }
}

impl Once {
    /// Keeps the value with what a repeat is to be told. Kafka has the delivery: if this fails, the sender is told to
    /// come again, and then it is kept.
    pub(crate) async fn keep(&self, answer: Vec<u8>) -> Result<(), &'static str> {
        let used = Used { content: self.content, answer };
        // Kafka may have been slower than the sender's patience; the value counts as used all the same.
        let limit = Instant::now() + KEEP_MAX;
        let is_same = self.until(limit, self.store.keep_nonce(&self.source, &self.nonce, &used)).await?;
        if !is_same {
            let source = &self.source;
            tracing::warn!(okr.source = source, "{source} used one nonce for two bodies at the same time");
        }
        Ok(())
    }

    async fn until<T>(
        &self,
        limit: Instant,
        asking: impl Future<Output = Result<T, store::QueueError>>,
    ) -> Result<T, &'static str> {
        match timeout_at(limit, asking).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a nonce of {} was not looked up or kept: {error}", self.source);
                Err("store")
            }
            Err(_) => Err("store"),
        }
    }
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
    let entrances = door.entrances().take();
    let aged =
        entrances.iter().filter_map(|entrance| Some((entrance.source.name(), entrance.source.nonce_age()?)));
    for (source, age) in aged {
        match store.prune_nonces(source, age).await {
            Ok(count) => observe::nonces_pruned(count),
            Err(error) => tracing::warn!(%error, "the old nonces of {source} were not forgotten: {error}"),
        }
    }
}
