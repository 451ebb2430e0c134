//! The floor: a bare consumer loop that decodes each record and does nothing else.

use std::{hint::black_box, ops::ControlFlow, sync::Arc};

use anyhow::{Context, Result};
use wire::{Decoder, WireError};

use super::lap::Lap;

/// A bare loop has no bound.
pub(super) struct NoGate;

impl bus::Gate for NoGate {
    fn admit(&self, _: usize, _: usize) {}

    fn open(&self) -> bool {
        true
    }
}

/// Consumes until the lap is over.
pub(super) async fn consume(consumer: bus::Bare, decoder: Decoder, lap: Arc<Lap>) -> Result<()> {
    let end: Result<(), WireError> = consumer
        .each(async |value| {
            match decoder.event(value.unwrap_or_default()).await {
                Ok(event) => drop(black_box(event)),
                Err(error) => return ControlFlow::Break(Err(error)),
            }
            if lap.count() { ControlFlow::Break(Ok(())) } else { ControlFlow::Continue(()) }
        })
        .await?;
    end.context("a record of our own was not read")
}
