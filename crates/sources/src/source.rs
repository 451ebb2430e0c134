//! A configured sender: its verification, its dialect, and what the config adds to every event.

mod trust;

use std::{collections::HashMap, time::Duration};

use boot::{Rate, SecretRef};
use jiff::Timestamp;
use okr::{OkrEvent, Subject};
use uuid::Uuid;

use crate::{
    Delivery, Draft, Explained, Greeting, Identity, Learned, Pending, Reading, Refusal, Request, Signs,
    SourceConfig, SourceError, Terms,
    catalog::Voice,
    verify::{Nonce, Tool, Verifier},
    volume::Volume,
};

/// The header of a handshake that says how much is too much, a minute.
pub(crate) const RATE_ALLOWED: &str = "webhook-allowed-rate";

/// A sender that is ready to be listened to. Built once at start; cheap to use from many tasks.
#[derive(Debug)]
pub struct Source {
    name: String,
    namespace: String,
    department: Option<String>,
    rate_limit: Option<Rate>,
    silent_after: Option<Duration>,
    is_paused: bool,
    terms: Terms,
    voice: Voice,
    headers_kept: Vec<String>,
    verifier: Verifier,
    learns: bool,
    nonce: Option<Nonce>,
}

impl Source {
    /// Checks a section of the config without touching a secret: what every role does with the whole file.
    ///
    /// # Errors
    /// The key at fault, in words.
    pub fn check(name: &str, config: &SourceConfig) -> Result<(), SourceError> {
        let path = |key: &str| format!("sources.{name}.{key}");
        check_name(name)?;
        let voice = Voice::open(&format!("sources.{name}"), config)?;
        for (key, given) in [
            ("identity", config.identity.is_some()),
            ("each", config.each.is_some()),
            ("when", config.when.is_some()),
            ("event", config.event.is_some()),
        ] {
            if given && matches!(voice, Voice::Coded(_)) {
                return Err(SourceError::new(path(key), "is for kind `generic` only"));
            }
        }
        if config.progress_scale.is_some_and(|scale| !(scale.is_finite() && scale > 0.0)) {
            return Err(SourceError::new(path("progress_scale"), "must be a number above 0, such as 100"));
        }
        if config.silent_after.is_some_and(|span| span.0.is_zero()) {
            return Err(SourceError::new(
                path("silent_after"),
                "must be longer than nothing, such as \"6h\"",
            ));
        }
        for (key, text) in [("namespace", &config.namespace), ("department", &config.department)] {
            if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                return Err(SourceError::new(path(key), "must not be empty"));
            }
        }
        let signs = voice.dialect().signs();
        if config.verify.is_none() && signs == Signs::No {
            let problem = "is missing: say how a body proves where it comes from; whoever wants to trust everybody \
                           writes verify = { scheme = \"none\" }";
            return Err(SourceError::new(path("verify"), problem));
        }
        Verifier::check(&format!("sources.{name}"), config, tool(&voice))
    }

    /// Resolves the source's secrets and makes it ready.
    ///
    /// # Errors
    /// What [`Source::check`] finds, and secrets that are missing or malformed; never with a secret's value.
    pub fn build(name: &str, config: &SourceConfig) -> Result<Self, SourceError> {
        Self::check(name, config)?;
        let voice = Voice::open(&format!("sources.{name}"), config)?;
        let verifier = Verifier::build(&format!("sources.{name}"), config, tool(&voice))?;
        Ok(Self {
            name: name.to_owned(),
            namespace: config.namespace.clone().unwrap_or_else(|| name.to_owned()),
            department: config.department.clone(),
            rate_limit: config.rate_limit,
            silent_after: config.silent_after.map(|span| span.0),
            is_paused: config.paused,
            terms: Terms { progress_scale: config.progress_scale.unwrap_or(1.0) },
            headers_kept: voice.dialect().headers().into_iter().map(str::to_owned).collect(),
            learns: config.verify.is_none() && voice.dialect().brings_secrets(),
            nonce: Nonce::read(config),
            voice,
            verifier,
        })
    }

    /// Its name: the last part of its door's path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind, as the config writes it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.voice.dialect().kind()
    }

    /// The media types that its tool documents, lower case; a missing one is read as JSON.
    #[must_use]
    pub fn media_types(&self) -> &'static [&'static str] {
        self.voice.dialect().media_types()
    }

    /// The headers that [`Source::read`] needs, lower case: keep them with the arrival.
    #[must_use]
    pub fn headers_kept(&self) -> &[String] {
        &self.headers_kept
    }

    /// Those of [`Source::headers_kept`] that say which delivery this is: in a batch, which batch.
    #[must_use]
    pub fn id_headers(&self) -> Vec<&str> {
        self.voice.dialect().id_headers()
    }

    /// The media type of one item of a batch, as if it were sent alone.
    #[must_use]
    pub fn item_type(&self) -> &'static str {
        self.voice.dialect().item_type()
    }

    /// How many deliveries it may make; `None` is no limit.
    #[must_use]
    pub fn rate_limit(&self) -> Option<Rate> {
        self.rate_limit
    }

    /// How long it may say nothing; `None` is to be learned.
    #[must_use]
    pub fn silent_after(&self) -> Option<Duration> {
        self.silent_after
    }

    /// Whether a person wants its deliveries refused for now.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// The answer to a handshake that this kind documents; asked before a method or a body is judged.
    #[must_use]
    pub fn greet(&self, method: &http::Method, headers: &http::HeaderMap) -> Option<Greeting> {
        let mut greeting = self.voice.dialect().greet(method, headers)?;
        let rate = self.rate_limit.filter(|rate| rate.per_second.is_finite());
        for (name, value) in &mut greeting.headers {
            if let Some(rate) = rate.filter(|_| *name == RATE_ALLOWED) {
                *value = (rate.per_second * 60.0).ceil().to_string();
            }
        }
        Some(greeting)
    }

    /// The key of records about what is to be asked for.
    #[must_use]
    pub fn object_key(&self, pending: &Pending) -> String {
        okr::object_key(&self.namespace, pending.object_type, &pending.object_id)
    }

    /// What the ids of its subjects and objects are unique in.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Proves that the request comes from who it should. Pure: the same request is refused later as stale.
    ///
    /// # Errors
    /// Why not, for our own log; all refusals are the same to the sender.
    pub fn verify(&self, request: &Request<'_>) -> Result<(), Refusal> {
        self.verify_with(request, &Learned::default())
    }

    /// Like [`Source::verify`], with what was learned after the start.
    ///
    /// # Errors
    /// Likewise. [`Refusal::UnknownKey`] may mean that the issuer has newer keys, and [`Refusal::NoKeys`] that nobody
    /// fetched any.
    pub fn verify_with(&self, request: &Request<'_>, learned: &Learned) -> Result<(), Refusal> {
        self.verifier.verify(request, learned)
    }

    /// The address whose JSON Web Key Set is to be passed in with [`Source::verify_with`].
    #[must_use]
    pub fn keys_url(&self) -> Option<&str> {
        self.verifier.keys_url()
    }

    /// Signs a body as the tool would, with the first secret: the headers to send along. Each call is a new delivery.
    #[must_use]
    pub fn sign(&self, body: &[u8], now: Timestamp) -> Vec<(String, String)> {
        let mut seed = now.as_nanosecond().to_be_bytes().to_vec();
        seed.extend_from_slice(body);
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, &seed);
        self.sign_as(&format!("msg_{}", id.simple()), body, now)
    }

    /// Like [`Source::sign`], as one more attempt of the delivery `id` (where the scheme has such a thing).
    #[must_use]
    pub fn sign_as(&self, id: &str, body: &[u8], now: Timestamp) -> Vec<(String, String)> {
        let once = self.nonce.as_ref().map(|nonce| (nonce.header(), id));
        let mut headers = self.verifier.sign(id, body, now, once);
        if let Some((name, value)) =
            once.filter(|(name, _)| headers.iter().all(|(known, _)| known != name.as_str()))
        {
            headers.push((name.to_string(), value.to_owned()));
        }
        let carries_id = headers.iter().any(|(name, _)| name == "webhook-id");
        if self.headers_kept.iter().any(|kept| kept == "webhook-id") && !carries_id {
            headers.push(("webhook-id".to_owned(), id.to_owned()));
        }
        headers
    }

    /// Reads a verified delivery: which one it is, and its events. Pure, and never panics.
    #[must_use]
    pub fn read(&self, delivery: &Delivery<'_>) -> Reading {
        let parsed = self.voice.dialect().parse(delivery, &self.terms);
        let identity = parsed.identity.text();
        let mut volume = Volume::new("body");
        let mut fits = |drafts: &Vec<Draft>| drafts.iter().try_for_each(|draft| volume.add(draft));
        let drafts = parsed.drafts.and_then(|drafts| fits(&drafts).map(|()| drafts));
        let events = drafts.map(|drafts| {
            let mut seen = Seen { keys: HashMap::new(), one: drafts.len() == 1 };
            let event = |mut draft: Draft| {
                let own = draft.delivery.take();
                let identity = own.as_ref().map_or(identity, Identity::text);
                self.event(draft, identity, delivery.received_at, &mut seen)
            };
            drafts.into_iter().map(event).collect()
        });
        let (pendings, text_bytes) = (parsed.pendings, volume.bytes());
        Reading { identity: parsed.identity, fingerprint: parsed.fingerprint, events, pendings, text_bytes }
    }

    /// What every expression of the mapping finds in a delivery, in the order in which they count; a kind with code of
    /// its own has none. For people who write mappings: the values of the body are in it.
    #[must_use]
    pub fn explain(&self, delivery: &Delivery<'_>) -> Vec<Explained> {
        match &self.voice {
            Voice::Coded(_) => Vec::new(),
            Voice::Mapped(generic) => generic.explain(delivery),
        }
    }

    fn event(&self, draft: Draft, identity: &str, received_at: Timestamp, seen: &mut Seen) -> OkrEvent {
        let subject = Subject {
            kind: draft.subject_type,
            namespace: self.namespace.clone(),
            id: draft.subject_id,
            parent_id: draft.parent_id,
            title: draft.title,
            url: draft.url,
        };
        let key = okr::subject_key(&subject);
        let received_at = micros(received_at);
        let event_id = okr::event_id(&self.namespace, identity, &key, seen.nth(identity, &key));
        let progress = draft.progress.or_else(|| draft.metric.as_ref().and_then(okr::progress::from_metric));
        OkrEvent {
            event_id,
            revision: 0,
            occurred_at: draft.occurred_at.unwrap_or(received_at),
            received_at,
            source: okr::Source {
                name: self.name.clone(),
                kind: self.kind().to_owned(),
                delivery_id: Some(identity.to_owned()),
                sequence: draft.sequence,
            },
            change: draft.change,
            subject,
            department: draft
                .department
                .filter(|text| !text.trim().is_empty())
                .or_else(|| self.department.clone()),
            team: draft.team,
            owner: draft.owner,
            manager: draft.manager,
            cycle: draft.cycle,
            metric: draft.metric,
            progress,
            confidence: draft.confidence,
            status: draft.status,
            previous: draft.previous,
            actor: draft.actor,
            note: draft.note,
            attributes: draft.attributes,
        }
    }
}

/// How many events of each subject each delivery had so far.
struct Seen {
    keys: HashMap<(String, String), u32>,
    /// Nearly every delivery has one event, and then nothing needs to be remembered.
    one: bool,
}

impl Seen {
    fn nth(&mut self, identity: &str, key: &str) -> u32 {
        if self.one {
            return 0;
        }
        let count = self.keys.entry((identity.to_owned(), key.to_owned())).or_insert(0);
        *count += 1;
        *count - 1
    }
}

/// The log keeps microseconds; cutting here makes the event equal to what is read back.
fn micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// What the tool does by itself.
fn tool(voice: &Voice) -> Tool {
    let dialect = voice.dialect();
    Tool { signs: dialect.signs(), brings_secrets: dialect.brings_secrets() }
}

/// A source's name stands in a path, in a key and in a header, so it is a plain word.
fn check_name(name: &str) -> Result<(), SourceError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.is_empty() && name.len() <= 100 && name.bytes().all(plain) {
        return Ok(());
    }
    let problem = "a source's name is made of letters, digits, `-`, `_` and `.`, for it stands in its path";
    Err(SourceError::new(format!("sources.{name}"), problem))
}

/// The secrets of a section, by path, for whoever resolves them.
pub(crate) fn resolve(path: &str, secrets: &[SecretRef]) -> Result<Vec<boot::Secret>, SourceError> {
    secrets
        .iter()
        .enumerate()
        .map(|(nth, secret)| {
            secret.resolve().map_err(|error| SourceError::new(format!("{path}[{nth}]"), error.to_string()))
        })
        .collect()
}
