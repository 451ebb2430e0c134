//! The floors of measurement: rdkafka's own stream consumer in a loop, and its own producer, with nothing of ours
//! around them.

use std::{fmt, ops::ControlFlow, time::Duration};

use rdkafka::{
    Message,
    consumer::{Consumer as _, StreamConsumer},
    producer::{FutureProducer, FutureRecord},
};

use crate::{
    aside::Aside,
    consumer::{self, Membership},
    error::BusError,
    logs::Quiet,
    settings::{self, Settings},
};

/// A member that only reads: no ledger, no bound, no commit, and a slow closure leaves the group. It is configured as
/// [`crate::Consumer`] is, so that what differs is our own work. For `okr-router bench`, never for a service.
pub struct Bare {
    client: Aside<StreamConsumer<Quiet>>,
}

impl fmt::Debug for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bare").finish_non_exhaustive()
    }
}

impl Bare {
    /// Joins the group; of the membership only group and topics are heeded.
    pub fn join(settings: &Settings, membership: &Membership) -> Result<Self, BusError> {
        let config = consumer::member(settings, membership)?;
        let client =
            config.create_with_context(Quiet::of(settings)).map_err(|error| BusError::from_kafka(&error))?;
        let client: Aside<StreamConsumer<Quiet>> = Aside::new(client);
        let topics: Vec<&str> = membership.topics.iter().map(String::as_str).collect();
        client.subscribe(&topics).map_err(|error| BusError::from_kafka(&error))?;
        Ok(Self { client })
    }

    /// Gives each record's value, where it lies in librdkafka's memory, to `take`, one after the other, until that
    /// breaks off.
    pub async fn each<T>(
        &self,
        mut take: impl AsyncFnMut(Option<&[u8]>) -> ControlFlow<T>,
    ) -> Result<T, BusError> {
        loop {
            let message = self.client.recv().await.map_err(|error| BusError::from_kafka(&error))?;
            if let ControlFlow::Break(end) = take(message.payload()).await {
                return Ok(end);
            }
        }
    }
}

/// A producer that only sends: rdkafka's own, configured as [`crate::Producer`] is. For `okr-router bench`, never for
/// a service.
pub struct BareProducer {
    client: Aside<FutureProducer<Quiet>>,
}

impl fmt::Debug for BareProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BareProducer").finish_non_exhaustive()
    }
}

impl BareProducer {
    /// Makes the client; nothing is connected yet.
    pub fn new(settings: &Settings, message_timeout: Duration) -> Result<Self, BusError> {
        let config = settings::producer(settings, message_timeout)?;
        let client =
            config.create_with_context(Quiet::of(settings)).map_err(|error| BusError::from_kafka(&error))?;
        Ok(Self { client: Aside::new(client) })
    }

    /// Sends a value without a key to whatever partition, and waits for its acknowledgement.
    pub async fn send(&self, topic: &str, value: &[u8]) -> Result<(), BusError> {
        let record = FutureRecord::<(), [u8]>::to(topic).payload(value);
        match self.client.send(record, Duration::ZERO).await {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(BusError::from_kafka(&error)),
        }
    }
}
