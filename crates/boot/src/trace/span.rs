//! One span: begun, told about, ended when it is dropped.

use std::time::{Instant, SystemTime};

use opentelemetry_proto::tonic::trace::v1 as otlp;

use super::encode::{self, Value};
use super::recorder::{self, Recorder};
use super::{TraceContext, current};

/// Links of one span; more than a person looks at.
const LINKS_MAX: usize = 64;
/// An error in words is cut to this many bytes.
const WORDS_BYTES_MAX: usize = 512;

/// What a span is of, in OpenTelemetry's words: its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It answers a request.
    Server,
    /// It asks a remote.
    Client,
    /// It hands a record to Kafka.
    Producer,
    /// It works on a record from Kafka.
    Consumer,
}

/// A span. Dropped, it ends and goes to the collector, if it is recorded at all.
#[derive(Debug, Default)]
pub struct Span {
    context: Option<TraceContext>,
    draft: Option<Box<Draft>>,
}

/// What is recorded of a span.
#[derive(Debug)]
pub struct Draft {
    span: otlp::Span,
    began: Instant,
    recorder: &'static Recorder,
}

impl Span {
    /// No span, whatever is configured.
    pub fn none() -> Self {
        Self::default()
    }

    /// A span under `parent`, recorded if that is; without a parent the first of a new trace, recorded if the ratio of
    /// `[traces]` falls on it. Nothing if tracing is off.
    pub fn start(role: Role, parent: Option<TraceContext>) -> Self {
        let Some(recorder) = recorder::get() else { return Self::none() };
        match parent {
            Some(parent) => Self::under(recorder, role, parent, fastrand::u64(1..).to_be_bytes()),
            None => {
                let root = recorder.sampler.root(fastrand::u128(1..), fastrand::u64(1..));
                let draft = root.is_sampled().then(|| Draft::new(recorder, role, root, None));
                Self { context: Some(root), draft }
            }
        }
    }

    /// As [`Span::start`] under a parent, with an id that can be computed again.
    pub fn start_as(role: Role, parent: TraceContext, span_id: [u8; 8]) -> Self {
        recorder::get().map_or_else(Self::none, |recorder| Self::under(recorder, role, parent, span_id))
    }

    /// The first span of a new trace, linked to others; nothing unless one of them is recorded.
    pub fn start_linked(role: Role, links: impl Iterator<Item = TraceContext>) -> Self {
        let Some(recorder) = recorder::get() else { return Self::none() };
        let mut links = links.filter(TraceContext::is_sampled).peekable();
        let trace_id = fastrand::u128(1..).to_be_bytes();
        let root = TraceContext::new(trace_id, fastrand::u64(1..).to_be_bytes(), true);
        let Some(context) = root.filter(|_| links.peek().is_some()) else { return Self::none() };
        let mut draft = Draft::new(recorder, role, context, None);
        links.for_each(|link| draft.link(link));
        Self { context: Some(context), draft: Some(draft) }
    }

    /// As [`Span::start`] under the span that [`current`] gives; nothing without one.
    pub fn start_within(role: Role) -> Self {
        match current() {
            Some(parent) => Self::start(role, Some(parent)),
            None => Self::none(),
        }
    }

    fn under(recorder: &'static Recorder, role: Role, parent: TraceContext, span_id: [u8; 8]) -> Self {
        if !parent.is_sampled() {
            // Nobody would find the parent that a span of our own would name.
            return Self { context: Some(parent), draft: None };
        }
        let context = parent.with_span(span_id);
        Self { context: Some(context), draft: Some(Draft::new(recorder, role, context, Some(parent))) }
    }

    /// What goes on to whoever comes next; none if tracing is off.
    pub fn context(&self) -> Option<TraceContext> {
        self.context
    }

    /// The context, if the span is recorded.
    pub fn recorded(&self) -> Option<TraceContext> {
        self.draft.as_ref().and(self.context)
    }

    /// Tells about it; not called if it is not recorded, so that nothing is made in vain.
    #[must_use]
    pub fn with(mut self, tell: impl FnOnce(&mut Draft)) -> Self {
        self.tell(tell);
        self
    }

    /// As [`Span::with`], later on.
    pub fn tell(&mut self, tell: impl FnOnce(&mut Draft)) {
        if let Some(draft) = &mut self.draft {
            tell(draft);
        }
    }

    /// It failed: `reason` is a word of a closed set, `words` hold no secrets.
    pub fn fail(&mut self, reason: &'static str, words: &str) {
        self.tell(|draft| {
            draft.set("error.type", reason);
            let message = words[..words.floor_char_boundary(WORDS_BYTES_MAX)].to_owned();
            draft.span.status = Some(otlp::Status { message, code: otlp::status::StatusCode::Error.into() });
        });
    }
}

impl Draft {
    fn new(
        recorder: &'static Recorder,
        role: Role,
        context: TraceContext,
        parent: Option<TraceContext>,
    ) -> Box<Self> {
        let kind = match role {
            Role::Server => otlp::span::SpanKind::Server,
            Role::Client => otlp::span::SpanKind::Client,
            Role::Producer => otlp::span::SpanKind::Producer,
            Role::Consumer => otlp::span::SpanKind::Consumer,
        };
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let span = otlp::Span {
            trace_id: context.trace_id.to_vec(),
            span_id: context.span_id.to_vec(),
            parent_span_id: parent.map(|parent| parent.span_id.to_vec()).unwrap_or_default(),
            flags: 1,
            kind: kind.into(),
            start_time_unix_nano: u64::try_from(since_epoch.as_nanos()).unwrap_or_default(),
            ..otlp::Span::default()
        };
        Box::new(Self { span, began: Instant::now(), recorder })
    }

    /// It began earlier, before it was known whether it is recorded.
    pub fn since(&mut self, began: Instant) {
        let earlier = self.began.saturating_duration_since(began);
        let nanos = u64::try_from(earlier.as_nanos()).unwrap_or_default();
        self.span.start_time_unix_nano = self.span.start_time_unix_nano.saturating_sub(nanos);
        self.began = self.began.min(began);
    }

    /// What it is called: few names, no ids in them.
    pub fn name(&mut self, name: impl Into<String>) {
        self.span.name = name.into();
    }

    /// An attribute of OpenTelemetry's conventions, or of ours (`okr.…`). Never a body, a token or an address.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.span.attributes.push(encode::attribute(key, value.into()));
    }

    /// It belongs together with another span. Beyond a bound links are only counted.
    pub fn link(&mut self, to: TraceContext) {
        if self.span.links.len() >= LINKS_MAX {
            self.span.dropped_links_count += 1;
            return;
        }
        self.span.links.push(otlp::span::Link {
            trace_id: to.trace_id.to_vec(),
            span_id: to.span_id.to_vec(),
            flags: u32::from(to.is_sampled()),
            ..otlp::span::Link::default()
        });
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let took = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or_default();
        self.span.end_time_unix_nano = self.span.start_time_unix_nano.saturating_add(took);
        self.recorder.take(std::mem::take(&mut self.span));
    }
}
