//! The producer: idempotent, `acks=all`, explicit partitions, a bounded queue, and an answer for every record.
//!
//! One inner client serves all clones. A fatal error of the idempotent protocol ends that client only: its records come
//! back as `Unacknowledged`, and a new client with a new producer id takes the next ones.

mod context;
mod engine;
mod view;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use rdkafka::ClientConfig;
use tokio::sync::oneshot;

use crate::{
    error::{BusError, SendError},
    observe,
    record::{OutRecord, Placed},
    settings::{self, Settings},
    tokens::Tokens,
};
use engine::Engine;

/// How long `warm` asks for leaders, and then waits for the producer id.
const WARM_WAIT: Duration = Duration::from_secs(5);

/// Sends records. Cheap to clone; all clones share one queue and one order.
#[derive(Clone)]
pub struct Producer {
    shared: Arc<Shared>,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("closed", &self.shared.engine().is_none()).finish_non_exhaustive()
    }
}

impl Producer {
    /// Makes the client; nothing is connected yet. A record that is not acknowledged within `message_timeout` is
    /// `Unacknowledged`.
    pub fn new(settings: &Settings, message_timeout: Duration) -> Result<Self, BusError> {
        let config = settings::producer(settings, message_timeout)?;
        let tokens = settings.tokens();
        let engine = Engine::new(&config, tokens.clone())?;
        let shared = Arc::new(Shared { config, tokens, current: RwLock::new(Some(engine.clone())) });
        engine.serve(Arc::downgrade(&shared))?;
        Ok(Self { shared })
    }

    /// Sends one record and waits for its acknowledgement. Dropping the future does not take the record back.
    pub async fn send(&self, record: OutRecord) -> Result<Placed, SendError> {
        self.enqueue(record)?.await
    }

    /// Queues one record at once and returns its acknowledgement to wait for. Records of one partition are written in
    /// the order of these calls. It never waits: a full queue is `QueueFull`.
    pub fn enqueue(&self, record: OutRecord) -> Result<Delivery, SendError> {
        let queued = self.shared.enqueue(&record);
        if let Err(error) = &queued {
            observe::unsent(error.reason());
        }
        queued
    }

    /// Waits until this client knows a leader for every partition of these topics and has its producer id, so that the
    /// first record neither waits nor risks a report without an offset. What the client knows is read from its own
    /// statistics, for librdkafka has no call that tells. Fails after ten seconds; call it again.
    pub async fn warm(&self, topics: &[&str]) -> Result<(), BusError> {
        let engine = self.shared.engine().ok_or(BusError::Closed)?;
        let topics: Vec<String> = topics.iter().map(|&topic| topic.to_owned()).collect();
        let mut view = engine.view();
        let asked = engine.clone();
        let wanted = tokio::task::spawn_blocking(move || view::leaders(&asked.client, &topics, WARM_WAIT))
            .await
            .map_err(|_| BusError::Closed)??;
        let known = tokio::time::timeout(WARM_WAIT, view.wait_for(|view| view.covers(&wanted))).await;
        match known {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(BusError::Closed),
            Err(_) => Err(BusError::Unavailable("the producer has no id or misses leaders".into())),
        }
    }

    /// Takes no more records, sends what is queued for at most `grace`, and says how many records were left without an
    /// answer; those are then given up, their futures resolve as `Unacknowledged`. Closes all clones.
    pub async fn close(&self, grace: Duration) -> usize {
        let Some(engine) = self.shared.take() else { return 0 };
        tokio::task::spawn_blocking(move || engine.finish(grace)).await.unwrap_or(0)
    }

    /// Records that are queued or on their way.
    pub fn in_flight(&self) -> usize {
        self.shared.engine().map_or(0, |engine| engine.in_flight())
    }
}

/// The acknowledgement of one queued record, once it is there.
#[derive(Debug)]
pub struct Delivery(oneshot::Receiver<Result<Placed, SendError>>);

impl Future for Delivery {
    type Output = Result<Placed, SendError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(task).map(|answer| {
            answer.unwrap_or_else(|_| Err(SendError::Unacknowledged("the producer went away".into())))
        })
    }
}

/// What all clones and the polling thread share.
struct Shared {
    config: ClientConfig,
    tokens: Option<Tokens>,
    /// None once closed.
    current: RwLock<Option<Arc<Engine>>>,
}

impl Shared {
    fn engine(&self) -> Option<Arc<Engine>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self) -> Option<Arc<Engine>> {
        self.current.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn enqueue(self: &Arc<Self>, record: &OutRecord) -> Result<Delivery, SendError> {
        if record.partition < 0 {
            return Err(SendError::Refused("no partition was chosen".into()));
        }
        let engine = self.engine().ok_or(SendError::Closed)?;
        let (sender, receiver) = oneshot::channel();
        match engine.enqueue(record, Box::new(sender)) {
            Ok(()) => Ok(Delivery(receiver)),
            Err((error, sender)) if engine.is_broken() => {
                self.replace(&engine);
                tracing::debug!(error = %error, "queueing again on a new Kafka client");
                let again = self.engine().ok_or(SendError::Closed)?.enqueue(record, sender);
                again.map(|()| Delivery(receiver)).map_err(|(error, _)| SendError::from_kafka(&error))
            }
            Err((error, _)) => Err(SendError::from_kafka(&error)),
        }
    }

    /// Puts a new client in the place of a broken one; whoever comes second finds it done.
    fn replace(self: &Arc<Self>, broken: &Arc<Engine>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if !current.as_ref().is_some_and(|engine| Arc::ptr_eq(engine, broken)) {
            return;
        }
        let made = Engine::new(&self.config, self.tokens.clone()).and_then(|engine| {
            engine.serve(Arc::downgrade(self))?;
            Ok(engine)
        });
        match made {
            Ok(engine) => {
                observe::producer_rebuilt();
                tracing::warn!(error = broken.complaint(), "replaced the Kafka producer after a fatal error");
                *current = Some(engine);
                broken.stop();
            }
            // The broken one stays, answers every record with an error, and the next one tries again.
            Err(error) => {
                tracing::error!(error = %error, "the Kafka producer is broken and was not replaced")
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(engine) = self.take() {
            engine.stop();
        }
    }
}

#[cfg(test)]
mod tests;
