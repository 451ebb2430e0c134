//! The consumer runtime with a handler that does nothing, or only takes its time.

use std::{hint::black_box, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use async_trait::async_trait;
use boot::House;
use bus::{InRecord, OutRecord};
use okr::OkrEvent;
use tokio::task::JoinHandle;
use wire::Decoder;
use worker::{DeadLetters, Failure, Handler, Worker, WorkerConfig, WorkerError};

use super::lap::Lap;

/// Decodes, takes its time, and counts.
pub(super) struct Idle {
    pub(super) decoder: Decoder,
    pub(super) pause: Option<Duration>,
    pub(super) lap: Arc<Lap>,
}

#[async_trait]
impl Handler for Idle {
    type Item = OkrEvent;

    async fn decode(&self, record: &InRecord) -> Result<OkrEvent, Failure> {
        let value = record.value.as_deref().unwrap_or_default();
        self.decoder.event(value).await.map_err(|error| Failure::halt(error.reason(), error))
    }

    async fn handle(&self, event: &OkrEvent, _: &InRecord, _: u32) -> Result<(), Failure> {
        black_box(event);
        if let Some(pause) = self.pause {
            tokio::time::sleep(pause).await;
        }
        self.lap.count();
        Ok(())
    }
}

/// Nothing is rejected: what cannot be decoded halts.
struct NoLetters;

#[async_trait]
impl DeadLetters for NoLetters {
    fn partitions(&self) -> i32 {
        1
    }

    async fn bury(&self, _: OutRecord) -> Result<(), String> {
        Err("a bench has no dead letters".to_owned())
    }
}

/// A member at work.
pub(super) struct Started {
    house: House,
    task: JoinHandle<Result<(), WorkerError>>,
}

/// Starts a member as a service does.
pub(super) fn start(
    handler: Idle,
    topic: String,
    group: String,
    settings: bus::Settings,
    config: WorkerConfig,
) -> Started {
    let house = House::new(boot::system_clock());
    let worker = Worker {
        service: "bench",
        // A name for the life of the process, as the services' topics have; there are a few per run.
        topics: vec![&*topic.leak()],
        group,
        handler,
        settings,
        dead: Arc::new(NoLetters),
        brakes: None,
        config,
        house: house.clone(),
    };
    Started { house, task: tokio::spawn(worker::run(worker)) }
}

impl Started {
    /// Drains, commits and leaves.
    pub(super) async fn stop(self) -> Result<()> {
        self.house.shutdown.cancel();
        self.task.await?.context("the runtime did not run")
    }
}
