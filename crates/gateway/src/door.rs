//! One request, in the order of the contract: who is meant, may it be sent like this, is it small enough, is it
//! proven, is it not too much; then it is read, and taken to the desk.

use std::{convert::Infallible, sync::Arc, time::Duration};

use boot::trace::Span;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use hyper::body::{Body, Incoming};
use sources::{Delivery, Refusal, Source};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use wire::Arrival;

use crate::{
    GatewayConfig, answer,
    body::{self, Deflated},
    desk::{Desk, Held, Parcel, Told},
    entrances::{Current, Entrance, Entrances},
    keys::Keys,
    observe,
    problem::{Answer, Problem},
    trail::Trail,
};

/// What is left of the deadline for the answer to travel.
const ANSWER_TIME: Duration = Duration::from_millis(250);
/// Headers that are kept with every arrival, beside those that its source's dialect reads.
const KEPT: &[&str] = &["content-type", "content-encoding", "user-agent", "traceparent"];

/// All doors: one per source.
#[derive(Debug)]
pub(crate) struct Door {
    entrances: Current,
    config: GatewayConfig,
    desk: Arc<Desk>,
    clock: Clock,
    /// Deliveries that are on their way to Kafka, whether their senders still wait or not.
    under_way: TaskTracker,
}

/// `boot::Clock`, with a `Debug`.
struct Clock(boot::Clock);

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// How the body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Plain,
    Gzip,
}

impl Door {
    pub(crate) fn new(config: GatewayConfig, entrances: Entrances, desk: Desk, clock: boot::Clock) -> Self {
        let (desk, under_way) = (Arc::new(desk), TaskTracker::new());
        Self { entrances: Current::new(entrances), config, desk, clock: Clock(clock), under_way }
    }

    /// The sources that are in force; exchanged when the configuration is read again.
    pub(crate) fn entrances(&self) -> &Current {
        &self.entrances
    }

    pub(crate) fn config(&self) -> &GatewayConfig {
        &self.config
    }

    /// How long reports may still come after the last request.
    pub(crate) fn flush_max(&self) -> Duration {
        self.desk.report_max()
    }

    /// Waits for the deliveries whose senders went away.
    pub(crate) async fn finish(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }

    /// Answers a request, always within the deadline.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let started = Instant::now();
        let (head, mut body) = request.into_parts();
        let mut proven = None;
        let entrances = self.entrances.take();
        let entrance = source_name(head.uri.path()).and_then(|name| entrances.get(name));
        let answered = self.handle(entrance, &head, &mut body, (started, &mut proven)).await;
        let mut span = proven.unwrap_or_else(|| Trail::default().enter(&head.method, started));
        let source = entrance.map_or("unknown", |entrance| entrance.source.name());
        let answer = answered.unwrap_or_else(|problem| {
            // Who asks before sending has sent nothing yet, and shall not.
            if !head.headers.contains_key(header::EXPECT) {
                body::drain(body);
            }
            observe::refused(source, problem.reason());
            if problem.status().is_server_error() {
                span.fail(problem.reason(), "");
            }
            problem.answer()
        });
        span.tell(|draft| {
            draft.set("okr.source", source);
            draft.set("http.response.status_code", i64::from(answer.status().as_u16()));
        });
        observe::answered(source, answer.status().as_u16());
        Ok(answer)
    }

    /// `span` is begun once the request is proven.
    async fn handle(
        &self,
        entrance: Option<&Entrance>,
        head: &http::request::Parts,
        body: &mut Incoming,
        (started, span): (Instant, &mut Option<Span>),
    ) -> Result<Answer, Problem> {
        self.header_caps(&head.headers)?;
        let entrance = entrance.ok_or(Problem::UnknownSource)?;
        if let Some(greeting) = entrance.source.greet(&head.method, &head.headers) {
            return Ok(answer::greeting(&greeting));
        }
        if head.method != Method::POST {
            return Err(Problem::Method);
        }
        media_type(&head.headers, &entrance.source)?;
        let coding = coding(&head.headers)?;
        let wire_body = self.body(body, started).await?;
        self.prove(entrance, &head.headers, &wire_body)?;
        let mut trail = Trail::of(&head.headers);
        *span = Some(trail.enter(&head.method, started));
        if let Some(bucket) = entrance.bucket() {
            bucket.take(Instant::now()).map_err(|wait| {
                let retry_after = (wait.as_secs_f64().ceil() as u64).max(1);
                Problem::TooMany { retry_after }
            })?;
        }
        let deadline = started + self.config.request_deadline.0.saturating_sub(ANSWER_TIME);
        let mut parcel = self.parcel(entrance, &head.headers, wire_body, (coding, deadline))?;
        parcel.trail = trail;
        self.hand_over(parcel, entrance.source.name()).await
    }

    fn header_caps(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let fits =
            headers.len() <= self.config.headers_max && bytes <= self.config.headers_bytes_max.as_usize();
        if fits { Ok(()) } else { Err(Problem::Headers) }
    }

    /// The body off the wire. A sender may take half the deadline for it, so that enough is left for Kafka.
    async fn body(&self, body: &mut Incoming, started: Instant) -> Result<Bytes, Problem> {
        let bytes_max = self.config.body_max;
        if body.size_hint().lower() > bytes_max.0 {
            return Err(Problem::TooLarge { bytes_max: bytes_max.0 });
        }
        body::read(body, bytes_max.as_usize(), started + self.config.request_deadline.0 / 2).await
    }

    fn prove(&self, entrance: &Entrance, headers: &HeaderMap, body: &Bytes) -> Result<(), Problem> {
        let request = sources::Request { headers, body, now: (self.clock.0)() };
        let learned = entrance.keys().map(Keys::learned).unwrap_or_default();
        entrance.source.verify_with(&request, &learned).map_err(|refusal| {
            let (source, reason) = (entrance.source.name(), refusal.reason());
            tracing::info!(okr.source = source, reason, "refused a request to {source}: {refusal}");
            match (refusal, entrance.keys()) {
                (Refusal::NoKeys, _) => return Problem::Unavailable { reason },
                (Refusal::UnknownKey, Some(keys)) => keys.ask(),
                _ => {}
            }
            Problem::Unproven { reason }
        })
    }

    /// Reads a proven body. One that cannot be inflated or understood becomes a parcel too: it is held.
    fn parcel(
        &self,
        entrance: &Entrance,
        headers: &HeaderMap,
        wire_body: Bytes,
        (coding, deadline): (Coding, Instant),
    ) -> Result<Parcel, Problem> {
        let source = &entrance.source;
        let received_at = (self.clock.0)();
        let mut unreadable = None;
        let body = match coding {
            Coding::Plain => wire_body.clone(),
            Coding::Gzip => match body::gunzip(&wire_body, self.config.body_max.as_usize()) {
                Ok(body) => body,
                Err(Deflated::TooLarge) => {
                    return Err(Problem::TooLarge { bytes_max: self.config.body_max.0 });
                }
                Err(Deflated::Broken) => {
                    let error = "the body is not the gzip that it claims to be".to_owned();
                    unreadable = Some(Held { reason: "not_gzip", error });
                    wire_body.clone()
                }
            },
        };
        let reading = source.read(&Delivery { headers, body: &body, received_at });
        let events = match unreadable {
            Some(held) => Err(held),
            None => reading.events.map_err(|fault| Held { reason: fault.reason(), error: fault.to_string() }),
        };
        let identity = reading.identity.text();
        let arrival = Arrival {
            source: source.name().to_owned(),
            kind: source.kind().to_owned(),
            delivery_id: Some(identity.to_owned()),
            received_at,
            content_type: text(headers, header::CONTENT_TYPE.as_str()),
            headers: KEPT
                .iter()
                .copied()
                .chain(source.headers_kept().iter().map(String::as_str))
                .filter_map(|name| Some((name.to_owned(), text(headers, name)?)))
                .collect(),
            body: wire_body,
        };
        let key = Bytes::from(format!("{}/{identity}", source.name()));
        let trail = Trail::default();
        Ok(Parcel { key, fingerprint: reading.fingerprint, arrival, events, trail, deadline })
    }

    /// From here on the delivery goes its way even if its sender goes away; only the answer has a deadline.
    async fn hand_over(&self, parcel: Parcel, source: &str) -> Result<Answer, Problem> {
        let desk = self.desk.clone();
        let deadline = parcel.deadline;
        let told = self.under_way.spawn(async move { desk.take(parcel).await });
        match timeout_at(deadline, told).await {
            Ok(Ok(Told::First(outcome))) => Ok(outcome.answer(false)),
            Ok(Ok(Told::Again(outcome))) => {
                observe::duplicate(source);
                Ok(outcome.answer(true))
            }
            Ok(Ok(Told::Unavailable(reason))) => Err(Problem::Unavailable { reason }),
            Ok(Err(panic)) => {
                tracing::error!(okr.source = source, error = %panic, "the delivery's task ended: {panic}");
                Err(Problem::Internal)
            }
            Err(_) => Err(Problem::Unavailable { reason: "deadline" }),
        }
    }
}

/// The last part of `/in/{source}`; the batch path and everything else is nobody's.
fn source_name(path: &str) -> Option<&str> {
    path.strip_prefix("/in/").filter(|name| !name.is_empty() && !name.contains('/'))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A missing media type is read as JSON; parameters say nothing here.
fn media_type(headers: &HeaderMap, source: &Source) -> Result<(), Problem> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let Some(value) = values.next() else { return Ok(()) };
    let essence = value.to_str().ok().and_then(|value| value.split(';').next()).map(str::trim);
    let documented = essence.is_some_and(|essence| {
        source.media_types().iter().any(|known| known.eq_ignore_ascii_case(essence)) || essence.is_empty()
    });
    if documented && values.next().is_none() { Ok(()) } else { Err(Problem::MediaType) }
}

fn coding(headers: &HeaderMap) -> Result<Coding, Problem> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(Coding::Plain) };
    if values.next().is_some() {
        return Err(Problem::Encoding);
    }
    match value.to_str().map(|value| value.trim().to_ascii_lowercase()).as_deref() {
        Ok("" | "identity") => Ok(Coding::Plain),
        Ok("gzip" | "x-gzip") => Ok(Coding::Gzip),
        _ => Err(Problem::Encoding),
    }
}
