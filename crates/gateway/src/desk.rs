//! Takes verified deliveries to Kafka: once each, as far as this process can know.

mod many;
mod pending;

use std::{sync::Arc, time::Duration};

use bus::{Placed, SendError};
use bytes::Bytes;
use futures::future::Either;
use metrics::Histogram;
use okr::OkrEvent;
use sources::Fingerprint;
use tokio::time::{Instant, timeout_at};

use crate::{
    GatewayConfig,
    answer::{Accepted, Outcome},
    departments::Map,
    kafka::{Framing, Log, Report},
    observe,
    original::Original,
    records::{EventRecord, Topics, Why},
    trail::{Outgoing, Trail},
    window::{Limits, Mine, Seen, Window},
};

pub(crate) use pending::Due;

/// What Kafka's client may take beyond its own timeout to say that it gave up.
const REPORT_SLACK: Duration = Duration::from_secs(5);

/// A verified delivery, read.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// Source and delivery identity: the arrival's key, and what repeats are recognised by.
    pub key: Bytes,
    pub fingerprint: Fingerprint,
    /// The verified body byte for byte, and chosen headers.
    pub original: Original,
    /// Or why there are none.
    pub events: Result<Vec<OkrEvent>, Held>,
    /// What has to be asked for besides; none where there is a reason for no events.
    pub dues: Vec<Due>,
    pub trail: Trail,
    /// When the sender must have an answer.
    pub deadline: Instant,
}

/// Why a delivery goes to a person.
#[derive(Debug)]
pub(crate) struct Held {
    /// A label of a closed set.
    pub reason: &'static str,
    /// In words, without the body's values.
    pub error: String,
}

/// What a sender is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// 202, for the first time.
    First(Outcome),
    /// 202, as before.
    Again(Outcome),
    /// 503: not stored, or not surely. The reason is a label of a closed set.
    Unavailable(&'static str),
}

impl Told {
    /// What a repeat is told, where there is something to repeat.
    pub(crate) fn again(&self) -> Option<Vec<u8>> {
        match self {
            Self::First(outcome) | Self::Again(outcome) => Some(outcome.again()),
            Self::Unavailable(_) => None,
        }
    }
}

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Desk {
    log: Arc<dyn Log>,
    departments: Map,
    topics: Topics,
    window: Arc<Window>,
    keep_arrivals: bool,
    message_timeout: Duration,
    took: Histogram,
}

impl Desk {
    pub(crate) fn new(log: Arc<dyn Log>, departments: Map, config: &GatewayConfig, partitions: i32) -> Self {
        let window = Window::new(Limits {
            age_max: config.duplicate_window.0,
            entries_max: config.duplicate_entries_max,
            bytes_max: config.duplicate_bytes_max.as_usize(),
        });
        let message_timeout = config.message_timeout();
        let (topics, keep_arrivals) = (Topics::new(partitions), config.keep_arrivals);
        let took = observe::produce_seconds();
        Self { log, departments, topics, window, keep_arrivals, message_timeout, took }
    }

    /// The longest that a report may take: Kafka's client gives up before. Whoever waits for a delivery waits no longer,
    /// for it must not stay "on the way" for ever should a report never come.
    pub(crate) fn report_max(&self) -> Duration {
        self.message_timeout + REPORT_SLACK
    }

    /// Takes a delivery to Kafka, unless Kafka holds it. Runs to its end even if nobody waits for it any more: the
    /// window must learn of records that are acknowledged late.
    pub(crate) async fn take(&self, mut parcel: Box<Parcel>) -> Told {
        loop {
            match self.window.ask(&parcel.key, parcel.content(), Instant::now()) {
                Seen::Before(outcome) => return Told::Again(outcome),
                Seen::Never(mine) => return self.first(parcel, mine).await,
                Seen::Otherwise => {
                    parcel.events = Err(identity_reused());
                    return Box::pin(self.produce(parcel)).await.map_or_else(Told::Unavailable, Told::First);
                }
                Seen::OnTheWay(mut over) => {
                    // An error is the sender's end, which is the signal.
                    let waiting = over.changed();
                    if timeout_at(parcel.deadline, waiting).await.is_err() {
                        return Told::Unavailable("twin");
                    }
                }
            }
        }
    }

    async fn first(&self, parcel: Box<Parcel>, mine: Mine) -> Told {
        let fingerprint = parcel.fingerprint;
        match self.produce(parcel).await {
            Ok(outcome) => {
                mine.known(fingerprint, outcome.clone(), Instant::now());
                Told::First(outcome)
            }
            Err(reason) => Told::Unavailable(reason),
        }
    }

    async fn produce(&self, mut parcel: Box<Parcel>) -> Result<Outcome, &'static str> {
        let dues = std::mem::take(&mut parcel.dues);
        let (kept, events) = parcel.parted();
        let held = match events {
            Ok(events) => match self.understood(events, &dues, &kept).await {
                Err(reason) if reason == too_large().reason => too_large(),
                told => return told,
            },
            Err(held) => held,
        };
        let outcome = Box::pin(self.held(&held, &kept)).await?;
        tell_held(&kept.original.source, &held);
        Ok(outcome)
    }

    /// Events and arrival go out together; all of them are acknowledged, or it did not happen.
    async fn understood(
        &self,
        mut events: Vec<OkrEvent>,
        dues: &[Due],
        kept: &Kept,
    ) -> Result<Outcome, &'static str> {
        if !dues.is_empty() {
            return Box::pin(self.pending(events, dues, kept)).await;
        }
        let (records, drafts) = self.records(&mut events, kept).await?;
        Ok(accepted(drafts, self.acknowledged(records).await?))
    }

    /// The records of a delivery that is understood: its events, and its arrival where that is kept.
    async fn records(
        &self,
        events: &mut [OkrEvent],
        kept: &Kept,
    ) -> Result<(Vec<Outgoing>, Vec<Draft>), &'static str> {
        let mut records = Vec::with_capacity(events.len() + 1);
        let mut drafts = Vec::with_capacity(events.len());
        for event in events {
            let key = okr::subject_key(&event.subject);
            let (department, partition) = self.departments.place(event, &key);
            let ce_type = okr::ce_type(event);
            let value = self.encoded(kept.deadline, self.log.event(event)).await?;
            let record = EventRecord { event, key, ce_type, department: &department, partition, value };
            records.push(self.topics.event(record, &kept.trail));
            drafts.push(Draft { event_id: event.event_id, ce_type, department });
        }
        if self.keep_arrivals {
            records.push(self.arrival(kept).await?);
        }
        Ok((records, drafts))
    }

    async fn arrival(&self, kept: &Kept) -> Result<Outgoing, &'static str> {
        let value = self.encoded(kept.deadline, self.log.arrival(&kept.original.arrival())).await?;
        Ok(self.topics.arrival(&kept.key, &kept.original, value, &kept.trail))
    }

    /// First the arrival, then the letter, which says where the arrival lies.
    async fn held(&self, held: &Held, kept: &Kept) -> Result<Outcome, &'static str> {
        let outgoing = self.arrival(kept).await?;
        let arrival = outgoing.record.clone();
        let placed = self.acknowledged(vec![outgoing]).await?;
        let placed = placed.first().copied().ok_or("unacknowledged")?;
        let why = Why { reason: held.reason, error: &held.error, at: kept.original.received_at };
        let record = self.topics.letter(arrival, placed, &why);
        self.acknowledged(vec![Outgoing { record, span: kept.trail.send() }]).await?;
        Ok(Outcome::Held(held.reason))
    }

    async fn encoded(&self, deadline: Instant, framing: Framing<'_>) -> Result<Bytes, &'static str> {
        let framed = match framing {
            Either::Left(framed) => framed,
            Either::Right(asking) => timeout_at(deadline, asking).await.map_err(|_| "registry_slow")?,
        };
        framed.map_err(|error| {
            trouble("encode", error.reason(), error.is_passing(), &error);
            error.reason()
        })
    }

    /// Hands all records over and waits for all reports, in the records' order.
    async fn acknowledged(&self, records: Vec<Outgoing>) -> Result<Vec<bus::Placed>, &'static str> {
        let start = Instant::now();
        // What was handed over before one that is refused goes on by itself; the repeat has the same ids.
        let reports = records.into_iter().map(|outgoing| self.enqueued(outgoing));
        let reports: Vec<Report> = reports.collect::<Result<_, _>>()?;
        let mut placed = Vec::with_capacity(reports.len());
        let mut failed = Ok(());
        // All are on their way together, so that one after the other is waited for no longer than the last.
        for report in reports {
            match report.await {
                Ok(place) => placed.push(place),
                Err(error) => {
                    trouble("produce", error.reason(), error.is_passing(), &error);
                    failed = failed.and(Err(error.reason()));
                }
            }
        }
        failed?;
        self.took.record(start.elapsed());
        Ok(placed)
    }

    fn enqueued(&self, outgoing: Outgoing) -> Result<Report, &'static str> {
        let (record, ended) = outgoing.parted();
        self.log.enqueue(record).map(ended).map_err(|error| {
            trouble("enqueue", error.reason(), error.is_passing(), &error);
            error.reason()
        })
    }
}

impl Parcel {
    /// What it says, and whether it is understood.
    fn content(&self) -> (Fingerprint, bool) {
        (self.fingerprint, self.events.is_ok())
    }

    fn parted(self) -> (Kept, Result<Vec<OkrEvent>, Held>) {
        let Self { key, original, events, trail, deadline, .. } = self;
        (Kept { key, original, trail, deadline }, events)
    }
}

/// What is said of an event once it has its place.
struct Draft {
    event_id: okr::EventId,
    ce_type: &'static str,
    department: Arc<str>,
}

/// All events have their places, which come in the same order.
fn accepted(drafts: Vec<Draft>, placed: Vec<Placed>) -> Outcome {
    let one = |(draft, placed): (Draft, Placed)| {
        let Draft { event_id, ce_type, department } = draft;
        Accepted { event_id, ce_type, department, placed }
    };
    Outcome::Accepted(drafts.into_iter().zip(placed).map(one).collect())
}

fn identity_reused() -> Held {
    let error = "the same delivery id came before with another content".to_owned();
    Held { reason: "identity_reused", error }
}

/// Sent again it would be as large, for ever. The arrival is as it came, and fits.
fn too_large() -> Held {
    let error = "what the delivery became is larger than a record of its topic may be".to_owned();
    Held { reason: SendError::TooLarge.reason(), error }
}

fn tell_held(source: &str, held: &Held) {
    let Held { reason, error } = held;
    observe::held(source, reason);
    tracing::info!(okr.source = source, reason, error, "held a delivery of {source}: {error}");
}

/// What is kept of a delivery, and how.
struct Kept {
    key: Bytes,
    original: Original,
    trail: Trail,
    deadline: Instant,
}

/// What passes by itself shows in the readiness and the metrics; the rest needs a person.
fn trouble(step: &'static str, reason: &'static str, passing: bool, error: &dyn std::fmt::Display) {
    if passing {
        tracing::debug!(step, reason, error = %error, "a delivery was not stored: {error}");
    } else {
        tracing::warn!(step, reason, error = %error, "a delivery was not stored: {error}");
    }
}
