//! The log as the gateway sees it: values are encoded, records are handed over, reports come back.

use bus::{Delivery, OutRecord, Placed, SendError};
use bytes::Bytes;
use futures::future::{BoxFuture, Either};
use okr::OkrEvent;
use wire::{ArrivalRef, Pending, WireError};

/// The report of one record: where it lies, or that it is not known to lie anywhere. Most need nothing on the heap.
pub(crate) type Report = Either<Delivery, BoxFuture<'static, Result<Placed, SendError>>>;

/// A value in its frame: at once, or after the registry was asked.
pub(crate) type Framing<'a> = Either<Framed, BoxFuture<'a, Framed>>;

pub(crate) type Framed = Result<Bytes, WireError>;

/// Kafka and the schema registry. Tests have one of their own, which fails and hangs as they like.
pub(crate) trait Log: Send + Sync + std::fmt::Debug {
    /// Frames an event; at once but for the first time, when the schema's id is asked for.
    fn event<'a>(&'a self, event: &'a OkrEvent) -> Framing<'a>;

    /// Frames an arrival, likewise.
    fn arrival<'a>(&'a self, arrival: &'a ArrivalRef<'a>) -> Framing<'a>;

    /// Frames a reference to an arrival.
    fn pending<'a>(&'a self, pending: &'a Pending) -> Framing<'a>;

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

impl Log for Kafka {
    fn event<'a>(&'a self, event: &'a OkrEvent) -> Framing<'a> {
        match self.encoder.event_now(event) {
            Some(framed) => Either::Left(framed),
            None => Either::Right(Box::pin(self.encoder.event(event))),
        }
    }

    fn arrival<'a>(&'a self, arrival: &'a ArrivalRef<'a>) -> Framing<'a> {
        match self.encoder.arrival_now(arrival) {
            Some(framed) => Either::Left(framed),
            None => Either::Right(Box::pin(self.encoder.arrival(arrival))),
        }
    }

    fn pending<'a>(&'a self, pending: &'a Pending) -> Framing<'a> {
        Either::Right(Box::pin(self.encoder.pending(pending)))
    }

    fn enqueue(&self, record: OutRecord) -> Result<Report, SendError> {
        self.producer.enqueue(record).map(Either::Left)
    }
}
