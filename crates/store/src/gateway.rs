//! The store as the gateway's memory.

use std::time::Duration;

use async_trait::async_trait;
use outbox::QueueError;

use crate::{Begun, Hash, Learnt, Nonces, Registered, Registrations, Sealed, Store, Taken, Used};

#[async_trait]
impl Registrations for Store {
    async fn registered(&self) -> Result<Vec<Registered>, QueueError> {
        self.note("registered", self.home.registered().await)
    }

    async fn open_window(&self, source: &str, span: Duration) -> Result<(), QueueError> {
        self.note("open_window", self.home.open_window(source, span).await)
    }

    async fn learn(&self, source: &str, sealed: &Sealed, most: usize) -> Result<Learnt, QueueError> {
        self.note("learn", self.home.learn(source, sealed, most).await)
    }

    async fn reseal(&self, source: &str, before: &str, sealed: &Sealed) -> Result<(), QueueError> {
        self.note("reseal", self.home.reseal(source, before, sealed).await)
    }

    async fn forget(&self, source: &str) -> Result<u64, QueueError> {
        self.note("forget", self.home.forget(source).await)
    }
}

#[async_trait]
impl Nonces for Store {
    async fn used(&self, source: &str, nonce: &Hash) -> Result<Option<Used>, QueueError> {
        self.note("used", self.home.used(source, nonce).await)
    }

    async fn keep_nonce(&self, source: &str, nonce: &Hash, used: &Used) -> Result<bool, QueueError> {
        self.note("keep_nonce", self.home.keep_nonce(source, nonce, used).await)
    }

    async fn take_nonce(
        &self,
        source: &str,
        nonce: &Hash,
        content: &Hash,
        taken_max: Duration,
    ) -> Result<Begun, QueueError> {
        self.note("take_nonce", self.home.take_nonce(source, nonce, content, taken_max).await)
    }

    async fn leave_nonce(&self, source: &str, nonce: &Hash, taken: &Taken) -> Result<(), QueueError> {
        self.note("leave_nonce", self.home.leave_nonce(source, nonce, taken).await)
    }

    async fn nonce_sources(&self) -> Result<Vec<String>, QueueError> {
        self.note("nonce_sources", self.home.nonce_sources().await)
    }

    async fn prune_nonces(&self, source: &str, age: Duration) -> Result<u64, QueueError> {
        self.note("prune_nonces", self.home.prune_nonces(source, age).await)
    }
}
