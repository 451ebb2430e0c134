//! OpenTelemetry traces: spans of one record's way, sent to a collector over OTLP.
//!
//! Off unless `[traces]` or the standard variables name a collector. Off, a span is nothing: no allocation, no clock,
//! one look at a flag. On, a span is recorded if its trace is sampled, which whoever began the trace has decided for
//! all that follow. What is recorded waits in a bounded queue; a collector that is slow or away costs spans, which are
//! counted, and never time.
//!
//! The spans are OTLP's own messages, filled in here. The SDK's tracer is not used: its batch processor drops without
//! saying how many and wants a thread and a client of its own, and it gives no way to choose a span's id, which the
//! first attempt of a delivery needs so that later ones can point to it after a restart.

mod context;
mod current;
mod encode;
mod export;
mod recorder;
mod settings;
mod span;

pub use self::context::TraceContext;
pub use self::current::{current, within};
pub use self::export::{Answer, Collector, Exporter, Traces};
pub use self::recorder::is_on;
pub use self::settings::{TracesConfig, TracesError, TracesTarget, resource};
pub use self::span::{Draft, Role, Span};
