//! Secrets that sources bring themselves: taken in a handshake while a person waits for it, kept sealed in the store, and
//! known to every gateway that shares it.
//!
//! What is known is looked at every few seconds, and at once when it may have changed: a handshake, or a signature that
//! nothing fits. However many such requests come, the store is asked a few times a second: all that wait share a look
//! that began after they came, so none of them judges by what was before it.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use boot::{House, Secret};
use store::{Learnt, Registered, Registrations, Seal};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::observe;

/// Secrets that one source may have learned; Asana makes one for each webhook.
pub(crate) const SECRETS_MAX: usize = 16;
/// How often everybody looks, so that what is forgotten stops counting.
const REFRESH: Duration = Duration::from_secs(5);
/// The least time between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(250);
/// How long the store may take; a sender waits meanwhile.
const STORE_MAX: Duration = Duration::from_secs(5);

/// What is known of one source.
#[derive(Debug, Default)]
struct Known {
    secrets: Arc<[Secret]>,
    /// Those that no key of ours opens are counted too.
    count: usize,
    is_open: bool,
}

/// The last look, and whether the store answered.
type Look = (Instant, Result<(), Silent>);

/// The store did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Silent;

/// Why an offered secret was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Nobody waits for it.
    Closed,
    /// The source has as many as it may have.
    Full,
    /// The store did not answer, or the secret could not be sealed.
    Store,
}

/// See the head of this file.
pub(crate) struct Registrar {
    store: Arc<dyn Registrations>,
    seal: Seal,
    known: RwLock<HashMap<String, Known>>,
    look: Mutex<Option<Look>>,
    /// Those that no key opens, as last told.
    unreadable: std::sync::atomic::AtomicUsize,
}

impl fmt::Debug for Registrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registrar").field("seal", &self.seal).finish_non_exhaustive()
    }
}

impl Registrar {
    pub(crate) fn new(store: Arc<dyn Registrations>, seal: Seal) -> Arc<Self> {
        let (known, look, unreadable) = (RwLock::default(), Mutex::default(), 0.into());
        Arc::new(Self { store, seal, known, look, unreadable })
    }

    /// Looks again and again until the house shuts down.
    pub(crate) fn watch(self: &Arc<Self>, house: &House) {
        let (registrar, shutdown) = (self.clone(), house.shutdown.clone());
        house.tasks.spawn("gateway secrets", async move {
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return Ok(()),
                    _ = registrar.look() => {}
                }
                tokio::select! {
                    () = shutdown.cancelled() => return Ok(()),
                    () = tokio::time::sleep(REFRESH) => {}
                }
            }
        });
    }

    /// What the source has brought, as far as is known.
    pub(crate) fn secrets(&self, source: &str) -> Arc<[Secret]> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(source).map(|known| known.secrets.clone()).unwrap_or_default()
    }

    /// Waits for a look that begins after this call.
    pub(crate) async fn look(&self) -> Result<(), Silent> {
        let asked = Instant::now();
        let mut look = self.look.lock().await;
        if let Some((at, outcome)) = *look {
            if at >= asked {
                return outcome;
            }
            sleep_until(at + LOOK_PAUSE).await;
        }
        let at = Instant::now();
        let limit = at + STORE_MAX;
        let outcome = match timeout_at(limit, self.store.registered()).await {
            Ok(Ok(all)) => {
                self.learn_of(all, limit).await;
                Ok(())
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the secrets that sources brought were not read: {error}");
                Err(Silent)
            }
            Err(_) => {
                tracing::warn!("the secrets that sources brought were not read: the store did not answer");
                Err(Silent)
            }
        };
        *look = Some((at, outcome));
        outcome
    }

    /// Takes an offered secret. It is in the store when this returns `Ok`.
    pub(crate) async fn take(&self, source: &str, secret: &Secret) -> Result<(), NotTaken> {
        self.look().await.map_err(|Silent| NotTaken::Store)?;
        let (count, is_known) = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let open = known.get(source).filter(|known| known.is_open).ok_or(NotTaken::Closed)?;
            // Whoever offers is not proven: the comparison takes as long whatever is in them (`boot::Secret`).
            (open.count, open.secrets.contains(secret))
        };
        if count >= SECRETS_MAX && !is_known {
            return Err(NotTaken::Full);
        }
        let sealed = self.seal.seal(source, secret).map_err(|error| {
            tracing::error!(%error, "a secret of {source} was not sealed: the seal {error}");
            NotTaken::Store
        })?;
        let learning = timeout(STORE_MAX, self.store.learn(source, &sealed, SECRETS_MAX));
        match learning.await {
            Ok(Ok(Learnt::Kept)) => {}
            Ok(Ok(Learnt::Closed)) => return Err(NotTaken::Closed),
            Ok(Ok(Learnt::Full)) => return Err(NotTaken::Full),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a secret of {source} was not kept: {error}");
                return Err(NotTaken::Store);
            }
            Err(_) => return Err(NotTaken::Store),
        }
        if !is_known {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            let known = known.entry(source.to_owned()).or_default();
            known.secrets = known.secrets.iter().cloned().chain([secret.clone()]).collect();
            known.count += 1;
            let count = known.count;
            tracing::info!(okr.source = source, count, "{source} has brought a secret: it has {count} now");
        }
        Ok(())
    }

    /// Opens what is kept. What an old key sealed is sealed anew, so that the old one can go; what that has no time for
    /// until `limit`, the next look does.
    async fn learn_of(&self, all: Vec<Registered>, limit: Instant) {
        let (mut known, mut unreadable) = (HashMap::with_capacity(all.len()), 0);
        for Registered { source, open_for, secrets } in all {
            let mut opened_secrets: Vec<Secret> = Vec::with_capacity(secrets.len());
            for (sealed, _) in &secrets {
                let Some(opened) = self.seal.open(&source, sealed) else {
                    unreadable += 1;
                    continue;
                };
                if !opened.is_current
                    && let Ok(anew) = self.seal.seal(&source, &opened.secret)
                {
                    let why = match timeout_at(limit, self.store.reseal(&source, &sealed.id, &anew)).await {
                        Ok(Ok(())) => None,
                        Ok(Err(error)) => Some(error.to_string()),
                        Err(_) => Some("the store did not answer".to_owned()),
                    };
                    if let Some(error) = why {
                        tracing::warn!(error, "a secret of {source} was not sealed anew: {error}");
                    }
                }
                if !opened_secrets.contains(&opened.secret) {
                    opened_secrets.push(opened.secret);
                }
            }
            let (count, is_open) = (secrets.len(), open_for.is_some());
            known.insert(source, Known { secrets: opened_secrets.into(), count, is_open });
        }
        let told = self.unreadable.swap(unreadable, std::sync::atomic::Ordering::Relaxed);
        if unreadable > told {
            tracing::error!(
                secrets = unreadable,
                "{unreadable} secrets that sources brought were sealed with another key: give it as `store.seal_old`, or \
                 forget them (`okr-router sources forget NAME --apply`) and register again"
            );
        }
        let open = known.values().map(|known: &Known| known.secrets.len()).sum();
        observe::learned_secrets(open, unreadable);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

impl NotTaken {
    /// A label of a closed set.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Closed => "window_closed",
            Self::Full => "secrets_full",
            Self::Store => "store",
        }
    }
}
