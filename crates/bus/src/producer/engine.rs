//! One librdkafka producer and the thread that polls it.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _, PurgeConfig},
};
use tokio::sync::watch;

use super::{
    Shared,
    context::{Answer, Context},
    view::View,
};
use crate::{error::BusError, record::OutRecord, tokens::Tokens};

/// The poll sleeps until there is a report, and at most this long until it looks whether to stop.
const POLL_WAIT: Duration = Duration::from_millis(250);

pub(super) struct Engine {
    pub(super) client: BaseProducer<Context>,
    stopping: AtomicBool,
}

impl Engine {
    pub(super) fn new(config: &ClientConfig, tokens: Option<Tokens>) -> Result<Arc<Self>, BusError> {
        let client =
            config.create_with_context(Context::new(tokens)).map_err(|error| BusError::from_kafka(&error))?;
        Ok(Arc::new(Self { client, stopping: AtomicBool::new(false) }))
    }

    /// Starts the thread that brings the delivery reports. It ends after `stop`, and the client with it.
    pub(super) fn serve(self: &Arc<Self>, owner: Weak<Shared>) -> Result<(), BusError> {
        let engine = self.clone();
        std::thread::Builder::new()
            .name("bus-producer".into())
            .spawn(move || engine.run(&owner))
            .map(|_| ())
            .map_err(|error| BusError::Settings(format!("no thread for the producer: {error}")))
    }

    pub(super) fn enqueue(&self, record: &OutRecord, answer: Answer) -> Result<(), (KafkaError, Answer)> {
        let mut message = BaseRecord::<[u8], [u8], Answer>::with_opaque_to(&record.topic, answer)
            .partition(record.partition);
        if let Some(key) = &record.key {
            message = message.key(key);
        }
        if let Some(value) = &record.value {
            message = message.payload(value);
        }
        if !record.headers.is_empty() {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in record.headers.iter() {
                headers = headers.insert(Header { key, value: value.map(|value| value.as_ref()) });
            }
            message = message.headers(headers);
        }
        self.client.send(message).map_err(|(error, message)| (error, message.delivery_opaque))
    }

    /// Whether the client has met an error that it never recovers from.
    pub(super) fn is_broken(&self) -> bool {
        self.client.client().fatal_error().is_some()
    }

    /// That error in words.
    pub(super) fn complaint(&self) -> String {
        self.client.client().fatal_error().map_or_else(String::new, |(_, why)| why)
    }

    pub(super) fn view(&self) -> watch::Receiver<View> {
        self.client.context().watch()
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    pub(super) fn in_flight(&self) -> usize {
        usize::try_from(self.client.in_flight_count()).unwrap_or(0)
    }

    /// Sends what is queued, for at most `grace`, gives up the rest and says how much that is. Blocks.
    pub(super) fn finish(&self, grace: Duration) -> usize {
        // Its only error is that the time ran out, which the count tells better.
        let _ = self.client.flush(grace);
        let left = self.in_flight();
        if left > 0 {
            self.client.purge(PurgeConfig::default().queue().inflight());
            let _ = self.client.flush(Duration::from_millis(500));
        }
        self.stop();
        left
    }

    fn run(self: Arc<Self>, owner: &Weak<Shared>) {
        while !self.stopping.load(Ordering::SeqCst) {
            self.client.poll(POLL_WAIT);
            if self.client.context().take_fatal()
                && let Some(owner) = owner.upgrade()
            {
                owner.replace(&self);
            }
        }
        // Callers hold the client for the length of one call; dropping it waits for its threads, so this thread must
        // be the last to hold it. The drop gives up what is still queued, each record with its answer.
        let mut engine = self;
        loop {
            match Arc::try_unwrap(engine) {
                Ok(alone) => return drop(alone),
                Err(shared) => {
                    shared.client.poll(Duration::from_millis(10));
                    engine = shared;
                }
            }
        }
    }
}
