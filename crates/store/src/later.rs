//! A store that may not be up yet.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boot::{Clock, Secret};
use outbox::QueueError;
use tokio::sync::OnceCell;

use crate::{Begun, Hash, Learnt, Nonces, Registered, Registrations, Sealed, Store, StoreError, Taken, Used};

/// For whoever needs the store for some of its work only: what does not need it goes on while the store is down. It is
/// opened when somebody asks for something, once; each call tries again until then.
pub struct Later {
    url: Secret,
    clock: Clock,
    store: OnceCell<Arc<Store>>,
}

impl std::fmt::Debug for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Later").field(&self.store.get()).finish()
    }
}

impl Later {
    /// One that is open.
    #[must_use]
    pub fn opened(store: Arc<Store>, clock: Clock) -> Self {
        Self { url: Secret::new(String::new()), clock, store: OnceCell::new_with(Some(store)) }
    }

    /// Opens it if it can be; a database that is not up is opened later.
    ///
    /// # Errors
    /// It will not open by itself: a person has to mend something.
    pub async fn open(url: Secret, clock: Clock) -> Result<Self, StoreError> {
        let later = Self { url, clock, store: OnceCell::new() };
        match later.store().await {
            Err(error) if !error.is_passing() => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the store is opened later: {error}");
                Ok(later)
            }
            Ok(_) => Ok(later),
        }
    }

    /// The store, if it is open.
    #[must_use]
    pub fn now(&self) -> Option<&Arc<Store>> {
        self.store.get()
    }

    async fn store(&self) -> Result<&Arc<Store>, StoreError> {
        self.store.get_or_try_init(|| Store::open(self.url.expose(), self.clock.clone())).await
    }

    async fn get(&self) -> Result<&Arc<Store>, QueueError> {
        self.store().await.map_err(|error| match error {
            StoreError::Home(error) => error,
            error => QueueError::Broken(error.to_string()),
        })
    }
}

#[async_trait]
impl Registrations for Later {
    async fn registered(&self) -> Result<Vec<Registered>, QueueError> {
        self.get().await?.registered().await
    }

    async fn open_window(&self, source: &str, span: Duration) -> Result<(), QueueError> {
        self.get().await?.open_window(source, span).await
    }

    async fn learn(&self, source: &str, sealed: &Sealed, most: usize) -> Result<Learnt, QueueError> {
        self.get().await?.learn(source, sealed, most).await
    }

    async fn reseal(&self, source: &str, before: &str, sealed: &Sealed) -> Result<(), QueueError> {
        self.get().await?.reseal(source, before, sealed).await
    }

    async fn forget(&self, source: &str) -> Result<u64, QueueError> {
        self.get().await?.forget(source).await
    }
}

#[async_trait]
impl Nonces for Later {
    async fn used(&self, source: &str, nonce: &Hash) -> Result<Option<Used>, QueueError> {
        self.get().await?.used(source, nonce).await
    }

    async fn keep_nonce(&self, source: &str, nonce: &Hash, used: &Used) -> Result<bool, QueueError> {
        self.get().await?.keep_nonce(source, nonce, used).await
    }

    async fn take_nonce(
        &self,
        source: &str,
        nonce: &Hash,
        content: &Hash,
        taken_max: Duration,
    ) -> Result<Begun, QueueError> {
        self.get().await?.take_nonce(source, nonce, content, taken_max).await
    }

    async fn leave_nonce(&self, source: &str, nonce: &Hash, taken: &Taken) -> Result<(), QueueError> {
        self.get().await?.leave_nonce(source, nonce, taken).await
    }

    async fn nonce_sources(&self) -> Result<Vec<String>, QueueError> {
        self.get().await?.nonce_sources().await
    }

    async fn prune_nonces(&self, source: &str, age: Duration) -> Result<u64, QueueError> {
        self.get().await?.prune_nonces(source, age).await
    }
}
