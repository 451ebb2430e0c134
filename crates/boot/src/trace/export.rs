//! From the queue to the collector: in batches, again after a passing failure, and never in anybody's way.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::encode;
use super::recorder::{self, Recorder, Sampler};
use crate::observe;

/// Spans of one request.
const BATCH_MAX: usize = 512;
/// How long a span waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// How often a batch is posted before it is given up: about a minute and a half, with the pauses.
const TRIES_MAX: u32 = 8;
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long a role that stops waits for the collector to take what is left.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// The way to the collector. The binary builds it on the one guarded way out.
#[async_trait]
pub trait Collector: Send + Sync + 'static {
    /// Posts a request as `application/x-protobuf`. An error says why no answer came, without secrets.
    async fn post(&self, body: Bytes) -> Result<Answer, String>;
}

/// What the collector said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The header `retry-after`.
    pub retry_after: Option<String>,
    /// The body, which may say that not all was taken.
    pub body: Bytes,
}

/// How a role records and sends spans.
#[derive(Clone)]
pub struct Traces {
    /// Where to.
    pub collector: Arc<dyn Collector>,
    /// Who sends, see [`super::resource`].
    pub resource: Vec<(String, String)>,
    /// Which share of new traces is recorded.
    pub sample_ratio: f64,
    /// How many ended spans may wait.
    pub queue_max: usize,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").field("resource", &self.resource).finish_non_exhaustive()
    }
}

/// The task that sends spans.
#[derive(Debug)]
pub struct Exporter {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Exporter {
    /// Switches recording on in this process; nothing if it is on already. Call it inside the runtime.
    pub fn start(traces: Traces) -> Option<Self> {
        let (queue, spans) = mpsc::channel(traces.queue_max.clamp(1, 1 << 20));
        if !recorder::install(Recorder { sampler: Sampler::new(traces.sample_ratio), queue }) {
            return None;
        }
        let stop = CancellationToken::new();
        let courier =
            Courier { spans, collector: traces.collector, resource: traces.resource, is_away: false };
        Some(Self { task: tokio::spawn(courier.run(stop.clone())), stop })
    }

    /// Sends what is left, if the collector takes it soon.
    pub async fn finish(mut self) {
        self.stop.cancel();
        if timeout(LAST_SPANS, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::warn!("the last spans were not sent: the collector did not answer in time");
        }
    }
}

/// What is to be done after an answer.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Taken, but for so many.
    Taken { but: u64, why: String },
    /// The same request may be taken later, not before this long.
    Later { after: Option<Duration>, why: String },
    /// It never will.
    Never { why: String },
}

/// Holds the receiving end.
struct Courier {
    spans: mpsc::Receiver<Span>,
    collector: Arc<dyn Collector>,
    resource: Vec<(String, String)>,
    /// It was told that the collector does not take spans.
    is_away: bool,
}

impl Courier {
    async fn run(mut self, stop: CancellationToken) {
        while let Some(batch) = self.gather(&stop).await {
            self.send(batch, &stop).await;
        }
        self.spans.close();
        loop {
            let mut batch = Vec::new();
            while batch.len() < BATCH_MAX
                && let Ok(span) = self.spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() || !self.send(batch, &stop).await {
                break;
            }
        }
        let mut left = 0;
        while self.spans.try_recv().is_ok() {
            left += 1;
        }
        if left > 0 {
            observe::dropped_spans("stopped", left);
        }
    }

    /// The next batch; none when it is time to stop.
    async fn gather(&mut self, stop: &CancellationToken) -> Option<Vec<Span>> {
        let mut batch = Vec::new();
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            count = self.spans.recv_many(&mut batch, BATCH_MAX) => count,
        };
        let until = Instant::now() + GATHER;
        while first > 0 && batch.len() < BATCH_MAX {
            let room = BATCH_MAX - batch.len();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                more = timeout_at(until, self.spans.recv_many(&mut batch, room)) => match more {
                    Ok(count) if count > 0 => {}
                    _ => break,
                },
            }
        }
        (first > 0).then_some(batch)
    }

    /// Posts a batch until it is taken or given up; once it is time to stop only once more. Whether it was taken.
    async fn send(&mut self, batch: Vec<Span>, stop: &CancellationToken) -> bool {
        let count = batch.len() as u64;
        let body = Bytes::from(encode::request(&self.resource, batch));
        for tried in 1..=TRIES_MAX {
            let is_last = stop.is_cancelled() || tried == TRIES_MAX;
            match judge(self.collector.post(body.clone()).await) {
                Verdict::Taken { but, why } => {
                    self.back();
                    observe::exported_spans(count.saturating_sub(but));
                    if but > 0 {
                        observe::dropped_spans("refused", but);
                        tracing::warn!(spans = but, why, "the collector refused {but} spans: {why}");
                    }
                    return true;
                }
                Verdict::Never { why } => {
                    observe::failed_export("refused");
                    observe::dropped_spans("refused", count);
                    self.away(&why);
                    return false;
                }
                Verdict::Later { after, why } => {
                    observe::failed_export("passing");
                    self.away(&why);
                    if is_last {
                        break;
                    }
                    let pause = (PAUSE * 2_u32.pow(tried - 1)).max(after.unwrap_or_default()).min(PAUSE_MAX);
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = sleep(pause) => {}
                    }
                }
            }
        }
        observe::dropped_spans("not_taken", count);
        false
    }

    /// Said once, until it is back.
    fn away(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_away, true) {
            tracing::warn!(why, "the collector of traces does not take spans: {why}");
        }
    }

    fn back(&mut self) {
        if std::mem::take(&mut self.is_away) {
            tracing::info!("the collector of traces takes spans again");
        }
    }
}

/// As OTLP over HTTP has it: 429, 502, 503 and 504 may be repeated, as may what got no answer.
fn judge(answer: Result<Answer, String>) -> Verdict {
    let Answer { status, retry_after, body } = match answer {
        Ok(answer) => answer,
        Err(why) => return Verdict::Later { after: None, why },
    };
    let why = format!("it answered {status}");
    match status {
        200..300 => {
            let (but, why) = encode::refused(&body).unwrap_or_default();
            Verdict::Taken { but, why }
        }
        429 | 502..=504 => {
            let seconds = retry_after.and_then(|text| text.trim().parse().ok());
            Verdict::Later { after: seconds.map(Duration::from_secs), why }
        }
        _ => Verdict::Never { why },
    }
}

#[cfg(test)]
mod tests;
