//! A store in a file, which can be told not to answer, and whose clock can be moved.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use boot::{Clock, Secret};
use jiff::Timestamp;
use store::{
    Begun, Hash, Learnt, Nonces, QueueError, Registered, Registrations, Seal, Sealed, Store, Taken, Used,
};

use crate::{Memory, memory::Recall};

pub(super) struct Brittle {
    pub store: Arc<Store>,
    pub down: AtomicBool,
    /// How often somebody looked at what was learned.
    pub looks: AtomicUsize,
    /// Nothing is sealed anew, nor refused to be.
    pub reseal_hangs: AtomicBool,
    ahead: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

pub(super) fn key(letter: char) -> Secret {
    Secret::new(letter.to_string().repeat(44))
}

impl Brittle {
    pub(super) async fn open() -> Arc<Self> {
        let (folder, ahead) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(0)));
        let moved = ahead.clone();
        let clock: Clock = Arc::new(move || {
            Timestamp::now() + Duration::from_secs(moved.load(Ordering::SeqCst).unsigned_abs())
        });
        let url = format!("file:{}", folder.path().join("state.db").display());
        let store = Store::open(&url, clock).await.unwrap();
        let (down, looks, reseal_hangs) =
            (AtomicBool::new(false), AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { store, down, looks, reseal_hangs, ahead, _folder: folder })
    }

    pub(super) fn recall(self: &Arc<Self>, keys: &[Secret]) -> Recall {
        let seal = Seal::new(keys).unwrap();
        let registrations = Some((self.clone() as Arc<dyn Registrations>, seal));
        Recall::new(Memory { registrations, nonces: self.clone() })
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn answers(&self) -> Result<(), QueueError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(QueueError::Unavailable("test".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Registrations for Brittle {
    async fn registered(&self) -> Result<Vec<Registered>, QueueError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.answers()?;
        self.store.registered().await
    }

    async fn open_window(&self, source: &str, span: Duration) -> Result<(), QueueError> {
        self.answers()?;
        self.store.open_window(source, span).await
    }

    async fn learn(&self, source: &str, sealed: &Sealed, most: usize) -> Result<Learnt, QueueError> {
        self.answers()?;
        self.store.learn(source, sealed, most).await
    }

    async fn reseal(&self, source: &str, before: &str, sealed: &Sealed) -> Result<(), QueueError> {
        self.answers()?;
        if self.reseal_hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.store.reseal(source, before, sealed).await
    }

    async fn forget(&self, source: &str) -> Result<u64, QueueError> {
        self.answers()?;
        self.store.forget(source).await
    }
}

#[async_trait]
impl Nonces for Brittle {
    async fn used(&self, source: &str, nonce: &Hash) -> Result<Option<Used>, QueueError> {
        self.answers()?;
        self.store.used(source, nonce).await
    }

    async fn keep_nonce(&self, source: &str, nonce: &Hash, used: &Used) -> Result<bool, QueueError> {
        self.answers()?;
        self.store.keep_nonce(source, nonce, used).await
    }

    async fn take_nonce(
        &self,
        source: &str,
        nonce: &Hash,
        content: &Hash,
        taken_max: Duration,
    ) -> Result<Begun, QueueError> {
        self.answers()?;
        self.store.take_nonce(source, nonce, content, taken_max).await
    }

    async fn leave_nonce(&self, source: &str, nonce: &Hash, taken: &Taken) -> Result<(), QueueError> {
        self.answers()?;
        self.store.leave_nonce(source, nonce, taken).await
    }

    async fn nonce_sources(&self) -> Result<Vec<String>, QueueError> {
        self.answers()?;
        self.store.nonce_sources().await
    }

    async fn prune_nonces(&self, source: &str, age: Duration) -> Result<u64, QueueError> {
        self.answers()?;
        self.store.prune_nonces(source, age).await
    }
}
