//! Asana's dialect: a handshake that brings the secret, and events that say only what moved.
//!
//! A delivery says ids alone, so it becomes references to be asked about, and every POST is a delivery of its own: the
//! one who asks compares states. What Asana sends again asks twice, which costs a question and changes nothing.
//! <https://developers.asana.com/docs/webhooks-guide>

use boot::Secret;
use http::{HeaderMap, Method};
use okr::Change;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Delivery, Dialect, Greeting, Identity, Offer, Parsed, Pending, Signs, Terms, Untranslatable,
    content::{digest, fingerprint},
    delivery::{EVENTS_MAX, ID_BYTES_MAX},
    json::{self, Raw},
};

const OFFER: &str = "x-hook-secret";
const SIGNATURE: &str = "x-hook-signature";
/// What is asked about.
const GOAL: &str = "goal";
/// Asana's secrets have 64 characters; a header that is much longer is none.
const SECRET_BYTES_MAX: usize = 256;

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Asana;

impl Dialect for Asana {
    fn kind(&self) -> &'static str {
        "asana"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/json"]
    }

    fn headers(&self) -> Vec<&str> {
        vec![]
    }

    fn signs(&self) -> Signs {
        Signs::Sha256 { header: SIGNATURE, prefix: "" }
    }

    fn brings_secrets(&self) -> bool {
        true
    }

    fn offer(&self, method: &Method, headers: &HeaderMap, body: &[u8]) -> Option<Offer> {
        offer(method, headers, body)
    }

    fn parse(&self, delivery: &Delivery<'_>, _: &Terms) -> Parsed {
        let fingerprint = fingerprint(&[delivery.body]);
        let identity = Identity::new(delivery, &digest(&[delivery.body]));
        let (drafts, pendings) = match references(delivery.body) {
            Ok(pendings) => (Ok(Vec::new()), pendings),
            Err(fault) => (Err(fault), Vec::new()),
        };
        Parsed { identity, fingerprint, drafts, pendings }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    events: Raw<'a>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    action: Raw<'a>,
    #[serde(borrow)]
    created_at: Raw<'a>,
    #[serde(borrow)]
    resource: Raw<'a>,
    #[serde(borrow)]
    parent: Raw<'a>,
    #[serde(borrow)]
    user: Raw<'a>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    gid: Raw<'a>,
    #[serde(borrow)]
    resource_type: Raw<'a>,
}

/// A handshake in exactly the documented shape: a POST with one secret, without a signature, its body empty or `{}`.
fn offer(method: &Method, headers: &HeaderMap, body: &[u8]) -> Option<Offer> {
    let bare = body.trim_ascii();
    if method != Method::POST || headers.contains_key(SIGNATURE) || !(bare.is_empty() || bare == b"{}") {
        return None;
    }
    let mut offered = headers.get_all(OFFER).iter();
    let text = offered.next()?.to_str().ok()?.trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if offered.next().is_some() || text.len() < 16 || text.len() > SECRET_BYTES_MAX || !plain {
        return None;
    }
    let answer = Greeting { status: 200, headers: vec![(OFFER, text.to_owned())] };
    Some(Offer { secret: Secret::new(text.to_owned()), answer })
}

/// The goals that a verified delivery is about, each once for each change, in the body's order. A heartbeat has none,
/// and so has what is not about goals.
fn references(body: &[u8]) -> Result<Vec<Pending>, Untranslatable> {
    let envelope: Envelope<'_> = json::body(json::text_of(body)?)?;
    let raw = envelope.events.ok_or(Untranslatable::field("events", "is missing"))?;
    let wrong = |_| Untranslatable::field("events", "must be a list");
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(wrong)?;
    if list.len() > EVENTS_MAX {
        return Err(Untranslatable::field("events", "has more than 1000 items"));
    }
    let mut references: Vec<Pending> = Vec::with_capacity(list.len());
    for (nth, raw) in list.into_iter().enumerate() {
        let reference = reference(raw).map_err(|fault| fault.of_item(nth))?;
        references.extend(reference.filter(|reference| !references.contains(reference)));
    }
    Ok(references)
}

fn reference(raw: &RawValue) -> Result<Option<Pending>, Untranslatable> {
    let missing = |path| Untranslatable::field(path, "is missing");
    let event: Event<'_> = json::object("events", Some(raw))?.ok_or(missing("events"))?;
    let resource: Resource<'_> = json::object("resource", event.resource)?.ok_or(missing("resource"))?;
    let action = json::word("action", event.action)?.ok_or(missing("action"))?;
    let parent: Option<Resource<'_>> = json::object("parent", event.parent)?;
    let is_goal = |resource: &Resource<'_>| -> Result<bool, Untranslatable> {
        Ok(json::word("resource_type", resource.resource_type)?.as_deref() == Some(GOAL))
    };
    let (object_id, change) = if is_goal(&resource)? {
        let change = match &*action {
            "added" => Change::Created,
            "deleted" => Change::Deleted,
            "changed" | "removed" | "undeleted" => Change::Updated,
            _ => Change::Unknown,
        };
        (json::id("resource.gid", resource.gid)?.ok_or(missing("resource.gid"))?, change)
    } else {
        // What is written about a goal hangs under it.
        match parent {
            Some(parent) if is_goal(&parent)? => {
                (json::id("parent.gid", parent.gid)?.ok_or(missing("parent.gid"))?, Change::Updated)
            }
            _ => return Ok(None),
        }
    };
    if object_id.len() > ID_BYTES_MAX {
        return Err(Untranslatable::field("resource.gid", "is longer than 1024 bytes"));
    }
    let user: Option<Resource<'_>> = json::object("user", event.user)?;
    Ok(Some(Pending {
        object_type: GOAL,
        object_id,
        change,
        occurred_at: json::time("created_at", event.created_at)?,
        actor: user.map_or(Ok(None), |user| json::id("user.gid", user.gid))?,
    }))
}

#[cfg(test)]
mod tests;
