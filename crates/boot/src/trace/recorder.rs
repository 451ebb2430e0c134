//! The recorder of this process: who is sampled, and the queue to the exporter.

use std::sync::OnceLock;

use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::mpsc;

use super::TraceContext;
use crate::observe;

static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// Whether spans are recorded in this process.
pub fn is_on() -> bool {
    RECORDER.get().is_some()
}

pub(super) fn get() -> Option<&'static Recorder> {
    RECORDER.get()
}

/// Switches recording on, for the rest of the process; false if it was on already.
pub(super) fn install(recorder: Recorder) -> bool {
    RECORDER.set(recorder).is_ok()
}

/// Takes ended spans, as long as there is room for them.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) sampler: Sampler,
    pub(super) queue: mpsc::Sender<Span>,
}

impl Recorder {
    /// Never waits.
    pub(super) fn take(&self, span: Span) {
        if let Err(error) = self.queue.try_send(span) {
            let reason = match error {
                mpsc::error::TrySendError::Full(_) => "queue_full",
                mpsc::error::TrySendError::Closed(_) => "stopped",
            };
            observe::dropped_spans(reason, 1);
        }
    }
}

/// Decides about new traces; who comes later follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sampler {
    /// A trace is sampled if its last 56 bits are below it.
    below: u64,
}

impl Sampler {
    pub(super) fn new(ratio: f64) -> Self {
        Self { below: (ratio.clamp(0.0, 1.0) * (1_u64 << 56) as f64) as u64 }
    }

    /// The first context of a trace with these ids, which are not 0. By the id alone, so that all who are asked about
    /// a trace agree.
    pub(super) fn root(self, trace_id: u128, span_id: u64) -> TraceContext {
        let is_sampled = (trace_id as u64) << 8 >> 8 < self.below;
        TraceContext { trace_id: trace_id.to_be_bytes(), span_id: span_id.to_be_bytes(), is_sampled }
    }
}

#[cfg(test)]
mod tests;
