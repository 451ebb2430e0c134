//! Kind `cloudevents`: CloudEvents 1.0 over HTTP in binary, structured and batch mode, with an okr body as data.
//!
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>

mod envelope;
mod greeting;

use std::collections::HashMap;

use http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::value::RawValue;

use crate::{
    Delivery, Dialect, Draft, Greeting, Identity, Parsed, Signs, Terms, Untranslatable,
    content::{Fingerprint, digest, fingerprint},
    delivery::EVENTS_MAX,
    form::media_type,
    json,
    okr_body::{Body, Events, body_hash},
    words,
};
use envelope::Envelope;

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct CloudEvents;

impl Dialect for CloudEvents {
    fn kind(&self) -> &'static str {
        "cloudevents"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/json", STRUCTURED, BATCH]
    }

    fn headers(&self) -> Vec<&str> {
        envelope::HEADERS.iter().copied().chain([CONTENT_TYPE.as_str()]).collect()
    }

    /// Each event of a batch is a whole one: its id and its source stand in it.
    fn item_type(&self) -> &'static str {
        STRUCTURED
    }

    fn signs(&self) -> Signs {
        Signs::No
    }

    fn greet(&self, method: &http::Method, headers: &HeaderMap) -> Option<Greeting> {
        greeting::answer(method, headers)
    }

    fn parse(&self, delivery: &Delivery<'_>, terms: &Terms) -> Parsed {
        let whole = |drafts| Parsed {
            pendings: Vec::new(),
            identity: body_hash(&digest(&[delivery.body])),
            fingerprint: fingerprint(&[delivery.body]),
            drafts,
        };
        let held = |fault| whole(Err(fault));
        let text = match json::text_of(delivery.body) {
            Ok(text) => text,
            Err(fault) => return held(fault),
        };
        let mode = media_type(delivery.headers).unwrap_or_default().to_ascii_lowercase();
        if mode == BATCH {
            return whole(batch(text, terms));
        }
        let envelope = if mode == STRUCTURED {
            json::body(text).and_then(|fields| Envelope::structured(&fields))
        } else {
            Envelope::binary(delivery.headers, text)
        };
        match envelope {
            Ok(envelope) => Parsed {
                pendings: Vec::new(),
                identity: Identity::given(envelope.identity()),
                fingerprint: envelope.fingerprint(),
                drafts: draft(&envelope, terms).map(|draft| draft.into_iter().collect()),
            },
            Err(fault) => held(fault),
        }
    }
}

/// All of a batch, or none of it. Each event is the one that it would be alone, so one that stands there again is the
/// same one.
fn batch(text: &str, terms: &Terms) -> Result<Vec<Draft>, Untranslatable> {
    let raw: &RawValue = json::value(text)?;
    let wrong = |_| Untranslatable::field("body", "must be a list of events");
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(wrong)?;
    if list.len() > EVENTS_MAX {
        return Err(Untranslatable::field("body", "has more than 1000 events"));
    }
    let mut drafts = Vec::with_capacity(list.len());
    let mut seen: HashMap<String, Fingerprint> = HashMap::new();
    for (nth, raw) in list.into_iter().enumerate() {
        let mut read = |raw: &RawValue| {
            let envelope = Envelope::structured(&json::body(raw.get())?)?;
            let Some(mut draft) = draft(&envelope, terms)? else { return Ok(None) };
            match seen.insert(envelope.identity(), envelope.fingerprint()) {
                None => {}
                Some(before) if before == envelope.fingerprint() => return Ok(None),
                Some(_) => return Err(Untranslatable::field("id", "stands before with another content")),
            }
            draft.delivery = Some(Identity::given(envelope.identity()));
            Ok(Some(draft))
        };
        drafts.extend(read(raw).map_err(|fault: Untranslatable| fault.of_item(nth))?);
    }
    Ok(drafts)
}

/// `None`: not about goals.
fn draft(envelope: &Envelope<'_>, terms: &Terms) -> Result<Option<Draft>, Untranslatable> {
    let data = envelope.data.as_deref();
    let own = words::event_type(last_two(&envelope.kind));
    let Some(data) = data else {
        return if own.is_some() { Err(Untranslatable::field("data", "is missing")) } else { Ok(None) };
    };
    // Of data that is not for us nothing is asked, not even that it is JSON.
    let body: Result<Body<'_>, Untranslatable> = json::body(data);
    let said = match own {
        Some(said) => Some(said),
        None => match &body {
            Ok(body) => body.kind_word()?.and_then(|word| words::event_type(&word)),
            Err(_) => None,
        },
    };
    let Some((subject_type, change)) = said else { return Ok(None) };
    let mut draft = body?.draft(Events { subject_type, change }, terms)?;
    draft.occurred_at = draft.occurred_at.or(envelope.time);
    draft.sequence = envelope.sequence;
    Ok(Some(draft))
}

/// `key_result.checked_in` of `com.example.okr.key_result.checked_in`.
fn last_two(kind: &str) -> &str {
    let second = kind.rfind('.').and_then(|last| kind[..last].rfind('.'));
    second.map_or(kind, |dot| &kind[dot + 1..])
}

#[cfg(test)]
mod tests;
