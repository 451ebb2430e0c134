//! One request, in the order of the contract: who is meant, may it be sent like this, is it small enough, is it
//! proven, is it not too much; then it is read, and taken to the desk.
//!
//! What few requests need is awaited on the heap: every connection keeps room for the largest future that a request of
//! its may become, and each request moves it about.

mod batch;
mod media;

use std::{convert::Infallible, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use boot::trace::Span;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use hyper::body::{Body, Incoming};
use sources::Refusal;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::{
    GatewayConfig, answer, body,
    desk::{Desk, Parcel, Told},
    entrances::{Current, Entrance, Entrances},
    escort::{Escort, said},
    keys::Keys,
    memory::Recall,
    observe,
    once::{self, Asked, KEEP_MAX, Once},
    problem::{Answer, Problem},
    proxies::Proxies,
    reader::{self, Piece, Reader},
    room::{Charge, Room},
    timer::Timer,
    tls::Tls,
    trail::{BATCH_ROUTE, Entry, ROUTE, Trail},
};
use batch::Batch;
use media::{batch_form, coding, media_type};

/// What is left of the deadline for the answer to travel.
const ANSWER_TIME: Duration = Duration::from_millis(250);

/// All doors: one per source.
#[derive(Debug)]
pub(crate) struct Door {
    entrances: Current,
    config: GatewayConfig,
    desk: Arc<Desk>,
    clock: Clock,
    room: Arc<Room>,
    memory: Recall,
    proxies: Proxies,
    tls: Tls,
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

/// Who asks, and when it began.
#[derive(Debug, Clone, Copy)]
struct Caller<'a> {
    peer: IpAddr,
    scheme: &'static str,
    started: Instant,
    /// The connection's.
    timer: &'a Timer,
}

/// How far a request came, for whoever answers it.
#[derive(Debug, Default)]
struct Met {
    /// Begun once it is proven.
    span: Option<Span>,
    /// Whether its body was asked for, so that a sender who waits for that has begun to send.
    is_read: bool,
}

impl Caller<'_> {
    fn entry(self, method: &Method, is_batch: bool) -> Entry<'_> {
        Entry { method, route: if is_batch { BATCH_ROUTE } else { ROUTE }, scheme: self.scheme }
    }
}

impl Door {
    pub(crate) fn new(config: GatewayConfig, entrances: Entrances, desk: Desk, clock: boot::Clock) -> Self {
        let (desk, under_way) = (Arc::new(desk), TaskTracker::new());
        let room = Room::new(config.in_flight_bytes_max.as_usize(), config.body_max.as_usize());
        // The start has refused networks that are none.
        let proxies = config.proxies().unwrap_or_default();
        let (entrances, clock) = (Current::new(entrances), Clock(clock));
        Self {
            entrances,
            config,
            desk,
            clock,
            room,
            memory: Recall::default(),
            proxies,
            tls: Tls::default(),
            under_way,
        }
    }

    /// With what is remembered in the store.
    pub(crate) fn with_memory(mut self, memory: Recall) -> Self {
        self.memory = memory;
        self
    }

    /// What is remembered in the store.
    pub(crate) fn memory(&self) -> &Recall {
        &self.memory
    }

    /// The sources that are in force; exchanged when the configuration is read again.
    pub(crate) fn entrances(&self) -> &Current {
        &self.entrances
    }

    /// What connections are shown; nothing of a request depends on it.
    pub(crate) fn tls(&self) -> &Tls {
        &self.tls
    }

    pub(crate) fn config(&self) -> &GatewayConfig {
        &self.config
    }

    /// Bytes of bodies that are being read or on their way.
    pub(crate) fn in_flight(&self) -> usize {
        self.room.used()
    }

    /// Bytes of bodies of which a part is missing.
    pub(crate) fn unfinished(&self) -> usize {
        self.room.unfinished()
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
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        ((peer, scheme), timer): ((IpAddr, &'static str), &Timer),
    ) -> Result<Answer, Infallible> {
        let started = Instant::now();
        let caller = Caller { peer, scheme, started, timer };
        let (head, mut body) = request.into_parts();
        let mut met = Met::default();
        let entrances = self.entrances.take();
        let (name, is_batch) = way(head.uri.path()).unwrap_or_default();
        let entrance = entrances.get(name);
        let answered = self.handle((entrance, is_batch), &head, &mut body, (caller, &mut met)).await;
        let mut span = met
            .span
            .unwrap_or_else(|| Trail::default().enter(&caller.entry(&head.method, is_batch), started));
        let source = entrance.map_or("unknown", |entrance| entrance.source.name());
        let answer = answered.unwrap_or_else(|problem| {
            // Who asks before sending has sent nothing before it is read, and shall not.
            if met.is_read || !head.headers.contains_key(header::EXPECT) {
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
            draft.set("client.address", self.proxies.client(peer, &head.headers).to_string());
        });
        match entrance.filter(|_| answer.status() == StatusCode::ACCEPTED) {
            Some(entrance) => entrance.accepted().increment(1),
            None => observe::answered(source, answer.status().as_u16()),
        }
        Ok(answer)
    }

    async fn handle(
        &self,
        (entrance, is_batch): (Option<&Entrance>, bool),
        head: &http::request::Parts,
        body: &mut Incoming,
        (caller, met): (Caller<'_>, &mut Met),
    ) -> Result<Answer, Problem> {
        let (headers, started) = (&head.headers, caller.started);
        self.header_caps(headers)?;
        let entrance = entrance.ok_or(Problem::UnknownSource)?;
        let source = &entrance.source;
        if let Some(greeting) = source.greet(&head.method, headers).filter(|_| !is_batch) {
            return Ok(answer::greeting(&greeting));
        }
        if head.method != Method::POST {
            return Err(Problem::Method);
        }
        if source.is_paused() {
            return Err(Problem::Paused);
        }
        let form = if is_batch { Some(batch_form(headers, source)?) } else { None };
        if form.is_none() {
            media_type(headers, source)?;
        }
        let coding = coding(headers)?;
        let (wire_body, mut charge) = self.body(body, headers, (caller, &mut met.is_read)).await?;
        let deadline = started + self.config.request_deadline.0.saturating_sub(ANSWER_TIME);
        if let Some(offer) = source.offer(&head.method, headers, &wire_body).filter(|_| !is_batch) {
            let greeting = Box::pin(self.memory.register(source, offer, deadline)).await?;
            return Ok(answer::greeting(&greeting));
        }
        self.prove(entrance, headers, &wire_body, (caller, deadline)).await?;
        self.proxies.tell(caller.peer, headers);
        let mut trail = Trail::of(headers);
        met.span = Some(trail.enter(&caller.entry(&head.method, is_batch), started));
        if let Some(bucket) = entrance.bucket() {
            bucket.take(Instant::now()).map_err(|wait| {
                let retry_after = (wait.as_secs_f64().ceil() as u64).max(1);
                Problem::TooMany { retry_after }
            })?;
        }
        let nonces = self.memory.nonces.as_ref();
        let once = match once::ask(nonces, source, (headers, &wire_body, is_batch), deadline).await? {
            Asked::Nothing => None,
            Asked::New(once) => Some(once),
            Asked::Again(told) => {
                observe::duplicates(source.name(), 1);
                entrance.pulse().beat((self.clock.0)());
                return Ok(answer::again(told));
            }
        };
        let received_at = (self.clock.0)();
        let reader = Reader { source, received_at, trail, deadline };
        let answer = match form {
            Some(form) => {
                let timer = caller.timer;
                let batch = Batch { entrance, reader, headers, wire_body, charge, once, timer };
                Box::pin(self.batch(batch, form, coding)).await?
            }
            None => {
                let bytes_max = self.config.body_max.as_usize();
                let (body, fault) = match reader::unpacked(&wire_body, coding, bytes_max, &mut charge)? {
                    Ok(body) => (body, None),
                    Err(held) => (wire_body.clone(), Some(held)),
                };
                let piece = Piece { headers, body: &body, kept: wire_body, nth: 0 };
                let (parcel, text_bytes) = reader.read(piece, fault);
                charge.becomes(text_bytes.saturating_sub(body.len()))?;
                self.single(parcel, (charge, once), (source.name(), caller.timer)).await?
            }
        };
        entrance.pulse().beat(received_at);
        Ok(answer)
    }

    fn header_caps(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let fits =
            headers.len() <= self.config.headers_max && bytes <= self.config.headers_bytes_max.as_usize();
        if fits { Ok(()) } else { Err(Problem::Headers) }
    }

    /// The body off the wire. A sender may take half the deadline for it, so that enough is left for Kafka.
    async fn body(
        &self,
        body: &mut Incoming,
        headers: &HeaderMap,
        (caller, is_read): (Caller<'_>, &mut bool),
    ) -> Result<(Bytes, Charge), Problem> {
        let (bytes_max, announced) = (self.config.body_max, body.size_hint().lower());
        if announced > bytes_max.0 {
            return Err(Problem::TooLarge { bytes_max: bytes_max.0 });
        }
        let mut charge = self.room.enter(usize::try_from(announced).unwrap_or(usize::MAX))?;
        let deadline = caller.started + self.config.request_deadline.0 / 2;
        let client = || self.proxies.client(caller.peer, headers);
        *is_read = true;
        let reading = body::read(body, bytes_max.as_usize(), &mut charge, client);
        let read = caller.timer.within(deadline, reading).await;
        Ok((read.unwrap_or(Err(Problem::BodyLate))?, charge))
    }

    async fn prove(
        &self,
        entrance: &Entrance,
        headers: &HeaderMap,
        body: &Bytes,
        (caller, deadline): (Caller<'_>, Instant),
    ) -> Result<(), Problem> {
        let source = &entrance.source;
        let request = sources::Request { headers, body, now: (self.clock.0)() };
        let verify = || {
            let learned = self.memory.learned(source).or_else(|| entrance.keys().map(Keys::learned));
            source.verify_with(&request, &learned.unwrap_or_default())
        };
        let mut proof = verify();
        if proof == Err(Refusal::Mismatch) && Box::pin(self.memory.look_again(source, deadline)).await? {
            proof = verify();
        }
        proof.map_err(|refusal| {
            let (source, reason) = (entrance.source.name(), refusal.reason());
            let client = self.proxies.client(caller.peer, headers);
            tracing::info!(
                okr.source = source,
                reason,
                client.address = %client,
                "refused a request to {source} from {client}: {refusal}"
            );
            match (refusal, entrance.keys()) {
                (Refusal::NoKeys, _) => return Problem::Unavailable { reason },
                (Refusal::UnknownKey, Some(keys)) => keys.ask(),
                _ => {}
            }
            Problem::Unproven { reason }
        })
    }

    async fn single(
        &self,
        parcel: Parcel,
        (charge, once): (Charge, Option<Once>),
        (source, timer): (&str, &Timer),
    ) -> Result<Answer, Problem> {
        let (desk, deadline) = (self.desk.clone(), parcel.deadline);
        let (parcel, taken_max) = (Box::new(parcel), self.way_max());
        let taking = Box::pin(async move {
            // In place, so that it stands but once in what is carried around.
            let taking = std::pin::pin!(async move {
                let told = desk.take(parcel).await;
                drop(charge);
                told
            });
            match once {
                None => Ok(taking.await),
                Some(once) => Box::pin(once.around(taken_max, taking, Told::again)).await,
            }
        });
        match self.outcome(taking, (timer, deadline), source).await?? {
            Told::First(outcome) => Ok(outcome.answer(false)),
            Told::Again(outcome) => {
                observe::duplicates(source, 1);
                Ok(outcome.answer(true))
            }
            Told::Unavailable(reason) => Err(Problem::Unavailable { reason }),
        }
    }

    /// The longest that a delivery can be on its way: it waits for a twin, or the registry, and then for its reports.
    pub(crate) fn way_max(&self) -> Duration {
        self.config.request_deadline.0 + self.desk.report_max()
    }

    /// From here on what was proven goes its way even if its sender goes away; only the answer has a deadline.
    async fn outcome<T: Send + 'static>(
        &self,
        taking: Pin<Box<impl Future<Output = T> + Send + 'static>>,
        (timer, deadline): (&Timer, Instant),
        source: &str,
    ) -> Result<T, Problem> {
        let alone_max = self.desk.report_max() + 2 * KEEP_MAX;
        match timer.within(deadline, Escort::new(taking, &self.under_way, alone_max)).await {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(panic)) => {
                let panic = said(&*panic);
                tracing::error!(okr.source = source, error = panic, "a delivery ended in a panic: {panic}");
                Err(Problem::Internal)
            }
            Err(_) => Err(Problem::Unavailable { reason: "deadline" }),
        }
    }
}

/// The source of `/in/{source}` and of `/in/{source}/batch`, and whether it is the latter; everything else is nobody's.
fn way(path: &str) -> Option<(&str, bool)> {
    let rest = path.strip_prefix("/in/")?;
    let (name, is_batch) = rest.strip_suffix("/batch").map_or((rest, false), |name| (name, true));
    (!name.is_empty() && !name.contains('/')).then_some((name, is_batch))
}
