//! What goes into a translator and what comes out of it.

use std::collections::BTreeMap;

use boot::Secret;
use http::HeaderMap;
use jiff::Timestamp;
use okr::{Change, Cycle, Metric, OkrEvent, Person, Previous, Status, SubjectType};
use sha2::{Digest, Sha256};

use crate::Untranslatable;

/// A request as it came over the wire, to be verified.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// All headers of the request.
    pub headers: &'a HeaderMap,
    /// The raw bytes: compressed if the sender compressed them.
    pub body: &'a [u8],
    /// The gateway's clock.
    pub now: Timestamp,
}

/// A verified delivery, to be translated.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// At least those headers that [`crate::Source::headers_kept`] names.
    pub headers: &'a HeaderMap,
    /// The body, inflated.
    pub body: &'a [u8],
    /// When the gateway received it; a replay passes the first time.
    pub received_at: Timestamp,
}

/// Which delivery this is, among all of its source. Two with the same identity are the same delivery, sent twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The tool says so, in a header or a field.
    Given(String),
    /// The tool says nothing: the same bytes are the same delivery, for ever. `sha256:` and 64 hexadecimal digits.
    BodyHash(String),
    /// Every delivery is a new one, whatever it says: the time of its receipt and its content.
    New(String),
}

/// Bytes of an id that stands in a key. Records repeat their keys, and must fit their topics.
pub(crate) const ID_BYTES_MAX: usize = 1024;

/// Events that one delivery may bring: what they become is held in memory until Kafka has all of them.
pub const EVENTS_MAX: usize = 1000;

/// Bytes of text in one event. It is less than the 2 MiB that a record may have, because ids, names, times and headers
/// have to fit beside it; it is more than any body that the gateway takes for one event says once.
pub const EVENT_BYTES_MAX: usize = (2 << 20) - (32 << 10);

/// Bytes of text in all events of a delivery: twice those of one, more than any body says once. They are held in memory
/// together until Kafka has them, twice over: as events and as records.
pub const EVENTS_BYTES_MAX: usize = 4 << 20;

impl Identity {
    /// What the tool says; an id beyond all reason stands for itself by its hash.
    pub(crate) fn given(text: String) -> Self {
        if text.len() <= ID_BYTES_MAX {
            return Self::Given(text);
        }
        Self::Given(format!("sha256:{}", hex::encode(Sha256::digest(&text))))
    }

    /// That of a delivery which is new whatever it says.
    pub(crate) fn new(delivery: &Delivery<'_>, digest: &[u8; 32]) -> Self {
        Self::New(format!("{}:{}", delivery.received_at.as_microsecond(), hex::encode(&digest[..16])))
    }

    /// [`Identity::text`], taken out.
    #[must_use]
    pub fn into_text(self) -> String {
        match self {
            Self::Given(text) | Self::BodyHash(text) | Self::New(text) => text,
        }
    }

    /// The text that ids and keys are made of; never empty.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Given(text) | Self::BodyHash(text) | Self::New(text) => text,
        }
    }
}

/// What a delivery turned out to be. The body is parsed once for all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which delivery this is.
    pub identity: Identity,
    /// What the delivery says, the time of sending and the attempt's number aside.
    pub fingerprint: crate::Fingerprint,
    /// The events, in the body's order; none means "verified, but nothing for us". `department` is still the tool's
    /// word (or the source's default), to be resolved by the caller.
    pub events: Result<Vec<OkrEvent>, Untranslatable>,
    /// What moved without the body saying how it stands now: a question to the tool tells. None where `events` is an
    /// error.
    pub pendings: Vec<Pending>,
    /// Bytes of text in all of them, for whoever holds many deliveries at once.
    pub text_bytes: usize,
}

/// Something moved in the tool, and a question there tells how it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// What it is, in the tool's word, such as `goal`.
    pub object_type: &'static str,
    /// The tool's id of it; never empty.
    pub object_id: String,
    /// What happened, as far as the tool says.
    pub change: Change,
    /// When, as the tool says.
    pub occurred_at: Option<Timestamp>,
    /// The tool's id of who did it, where a person did.
    pub actor: Option<String>,
}

/// What a source's configuration tells its dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// What the tool means by reaching the goal; finite and above 0.
    pub progress_scale: f64,
}

/// One event as a dialect reads it; the source adds ids, names, times of receipt and defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The delivery that it counts as, where one request carries several deliveries.
    pub delivery: Option<Identity>,
    /// When it happened, if the tool says so.
    pub occurred_at: Option<Timestamp>,
    /// The tool's own order of events within a subject.
    pub sequence: Option<i64>,
    /// What happened.
    pub change: Change,
    /// What it happened to.
    pub subject_type: SubjectType,
    /// The tool's id of it, exactly as the tool writes it; never empty.
    pub subject_id: String,
    /// The tool's id of what it belongs to.
    pub parent_id: Option<String>,
    /// What people call it.
    pub title: Option<String>,
    /// Where people look at it.
    pub url: Option<String>,
    /// The tool's word.
    pub department: Option<String>,
    /// The tool's word.
    pub team: Option<String>,
    /// Who answers for it.
    pub owner: Option<Person>,
    /// Whom the owner reports to.
    pub manager: Option<Person>,
    /// The period it belongs to.
    pub cycle: Option<Cycle>,
    /// What is measured.
    pub metric: Option<Metric>,
    /// 0 is the start, 1 the goal, at most 6.5. Where it is absent, the source computes it from `metric`.
    pub progress: Option<f64>,
    /// 0 to 1.
    pub confidence: Option<f64>,
    /// The tool's health word, mapped.
    pub status: Status,
    /// The state before, if the tool says so.
    pub previous: Option<Previous>,
    /// Who did it.
    pub actor: Option<String>,
    /// What they wrote.
    pub note: Option<String>,
    /// Whatever else is worth carrying.
    pub attributes: BTreeMap<String, String>,
}

impl Draft {
    /// A draft that says nothing but what happened to which subject.
    pub(crate) fn new(change: Change, subject_type: SubjectType, subject_id: String) -> Self {
        Self {
            delivery: None,
            occurred_at: None,
            sequence: None,
            change,
            subject_type,
            subject_id,
            parent_id: None,
            title: None,
            url: None,
            department: None,
            team: None,
            owner: None,
            manager: None,
            cycle: None,
            metric: None,
            progress: None,
            confidence: None,
            status: Status::Unknown,
            previous: None,
            actor: None,
            note: None,
            attributes: BTreeMap::new(),
        }
    }
}

/// What a dialect makes of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// See [`Reading::identity`].
    pub identity: Identity,
    /// See [`Reading::fingerprint`].
    pub fingerprint: crate::Fingerprint,
    /// See [`Reading::events`].
    pub drafts: Result<Vec<Draft>, Untranslatable>,
    /// See [`Reading::pendings`].
    pub pendings: Vec<Pending>,
}

/// The answer to a handshake, without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// 2xx.
    pub status: u16,
    /// Names in lower case, and values that a header can carry.
    pub headers: Vec<(&'static str, String)>,
}

/// The secret that a handshake brings, and its answer. Whoever takes it must be in a window that a person opened, and
/// keeps it before the answer: anybody can send a handshake.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What later deliveries are signed with.
    pub secret: Secret,
    /// What the tool wants to hear.
    pub answer: Greeting,
}

/// How a tool signs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// It does not, or as it is told: the source must say `verify`.
    No,
    /// As standardwebhooks.com has it.
    Standard,
    /// HMAC-SHA256 over the raw body, in hexadecimal digits.
    Sha256 {
        /// The header, lower case.
        header: &'static str,
        /// What stands before the digits.
        prefix: &'static str,
    },
}

/// One tool's way of speaking. Implementations are pure and never panic, whatever the bytes.
pub trait Dialect: std::fmt::Debug + Send + Sync {
    /// The word in the config, such as `standard-webhooks`.
    fn kind(&self) -> &'static str;

    /// The media types that the tool documents, lower case, without parameters. Others are answered 415.
    fn media_types(&self) -> &'static [&'static str];

    /// The headers that [`Dialect::parse`] reads, lower case: they are kept with the arrival, so that a replay
    /// translates as the gateway did.
    fn headers(&self) -> Vec<&str>;

    /// Those of [`Dialect::headers`] that say which delivery this is. In a batch they name the batch, so each item gets
    /// them with its number.
    fn id_headers(&self) -> Vec<&str> {
        vec![]
    }

    /// The media type of one item of a batch: that of a delivery of its own, as JSON.
    fn item_type(&self) -> &'static str {
        "application/json"
    }

    /// How the tool signs by itself, with the secrets of the source.
    fn signs(&self) -> Signs;

    /// Answers a handshake: exactly what the tool documents, else `None`. It is asked before anything is verified.
    fn greet(&self, _method: &http::Method, _headers: &HeaderMap) -> Option<Greeting> {
        None
    }

    /// Whether the tool makes its secrets itself and brings each in a handshake.
    fn brings_secrets(&self) -> bool {
        false
    }

    /// The handshake that brings a secret: exactly what the tool documents, else `None`. It is asked with the whole body,
    /// before the request is verified.
    fn offer(&self, _method: &http::Method, _headers: &HeaderMap, _body: &[u8]) -> Option<Offer> {
        None
    }

    /// Reads a verified delivery. What it cannot understand it names; what is not about goals it answers with no
    /// drafts; identity and fingerprint it gives in every case.
    fn parse(&self, delivery: &Delivery<'_>, terms: &Terms) -> Parsed;
}
