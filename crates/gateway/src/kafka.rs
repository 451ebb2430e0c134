//! The log as the gateway sees it: values are encoded, records are handed over, reports come back.

use async_trait::async_trait;
use bus::{OutRecord, Placed, SendError};
use bytes::Bytes;
use futures::future::BoxFuture;
use okr::OkrEvent;
use wire::{Arrival, Pending, WireError};

/// The report of one record: where it lies, or that it is not known to lie anywhere.
pub(crate) type Report = BoxFuture<'static, Result<Placed, SendError>>;

/// Kafka and the schema registry. Tests have one of their own, which fails and hangs as they like.
#[async_trait]
pub(crate) trait Log: Send + Sync + std::fmt::Debug {
    /// Frames an event. Fast but for the first time, when the schema's id is asked for.
    async fn event(&self, event: &OkrEvent) -> Result<Bytes, WireError>;

    /// Frames an arrival, likewise.
    async fn arrival(&self, arrival: &Arrival) -> Result<Bytes, WireError>;

    /// Frames a reference to an arrival, likewise.
    async fn pending(&self, pending: &Pending) -> Result<Bytes, WireError>;

    /// Hands a record over, without waiting; the order of calls is the order in a partition. The report always
    /// comes, whoever still waits for it.
    fn enqueue(&self, record: OutRecord) -> Result<Report, SendError>;
}

/// The real one.
#[derive(Debug)]
pub(crate) struct Kafka {
    pub producer: bus::Producer,
    pub encoder: wire::Encoder,
}

#[async_trait]
impl Log for Kafka {
    async fn event(&self, event: &OkrEvent) -> Result<Bytes, WireError> {
        self.encoder.event(event).await
    }

    async fn arrival(&self, arrival: &Arrival) -> Result<Bytes, WireError> {
        self.encoder.arrival(arrival).await
    }

    async fn pending(&self, pending: &Pending) -> Result<Bytes, WireError> {
        self.encoder.pending(pending).await
    }

    fn enqueue(&self, record: OutRecord) -> Result<Report, SendError> {
        let delivery = self.producer.enqueue(record)?;
        Ok(Box::pin(delivery))
    }
}
