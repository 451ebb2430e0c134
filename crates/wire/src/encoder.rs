//! From our types to frames.

use bytes::Bytes;
use okr::OkrEvent;
use serde::Serialize;

use crate::{ArrivalRef, Audit, Pending, Registry, WireError, frame, positional, schema::Ours};

/// What most records fit in, but for a body: growing on the way would copy what is written.
const FRAME_BYTES: usize = 1024;

/// Writes frames. Cheap to clone; see [`Registry::encoder`].
#[derive(Debug, Clone)]
pub struct Encoder {
    registry: Registry,
}

impl Encoder {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// The frame of an event. The registry is asked for the id of this release's schema once and never for another:
    /// what others register later changes nothing. It is asked again after [`WireError::RegistryDown`] and
    /// [`WireError::Unregistered`].
    pub async fn event(&self, event: &OkrEvent) -> Result<Bytes, WireError> {
        self.frame(Ours::Event, event, event_bytes(event)).await
    }

    /// As [`Encoder::event`], without waiting: none where the registry has to be asked first.
    pub fn event_now(&self, event: &OkrEvent) -> Option<Result<Bytes, WireError>> {
        self.frame_now(Ours::Event, event, event_bytes(event))
    }

    /// The frame of an arrival, likewise.
    pub async fn arrival(&self, arrival: &ArrivalRef<'_>) -> Result<Bytes, WireError> {
        self.frame(Ours::Arrival, arrival, FRAME_BYTES + arrival.body.len()).await
    }

    /// As [`Encoder::arrival`], without waiting.
    pub fn arrival_now(&self, arrival: &ArrivalRef<'_>) -> Option<Result<Bytes, WireError>> {
        self.frame_now(Ours::Arrival, arrival, FRAME_BYTES + arrival.body.len())
    }

    /// The frame of an entry of the audit, likewise.
    pub async fn audit(&self, audit: &Audit) -> Result<Bytes, WireError> {
        self.frame(Ours::Audit, audit, FRAME_BYTES).await
    }

    /// The frame of a reference to an arrival, likewise.
    pub async fn pending(&self, pending: &Pending) -> Result<Bytes, WireError> {
        self.frame(Ours::Pending, pending, FRAME_BYTES).await
    }

    async fn frame<T: Serialize>(&self, ours: Ours, value: &T, bytes: usize) -> Result<Bytes, WireError> {
        written(self.registry.id(ours).await?, value, bytes)
    }

    fn frame_now<T: Serialize>(
        &self,
        ours: Ours,
        value: &T,
        bytes: usize,
    ) -> Option<Result<Bytes, WireError>> {
        self.registry.known_id(ours).map(|id| written(id, value, bytes))
    }
}

fn event_bytes(event: &OkrEvent) -> usize {
    FRAME_BYTES + event.note.as_ref().map_or(0, String::len)
}

fn written<T: Serialize>(id: u32, value: &T, bytes: usize) -> Result<Bytes, WireError> {
    let mut frame = Vec::with_capacity(bytes);
    frame.extend_from_slice(&frame::head(id));
    positional::write(&mut frame, value).map_err(WireError::avro)?;
    Ok(frame.into())
}
