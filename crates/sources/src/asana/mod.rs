//! Asana's dialect: a handshake that brings the secret, and events that say only what moved.
//!
//! It is not in the catalog: its secret has to be kept and its goals fetched, and neither is built into a service yet,
//! so a source of kind `asana` is refused by name. What is here is all that is Asana's own, as data.
//! <https://developers.asana.com/docs/webhooks-guide>

use boot::Secret;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use okr::Change;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Greeting, Signs, Untranslatable,
    delivery::EVENTS_MAX,
    json::{self, Raw},
};

const OFFER: &str = "x-hook-secret";
/// Asana's secrets have 64 characters; a header that is much longer is none.
const SECRET_BYTES_MAX: usize = 256;

/// How Asana signs once the secret is known.
pub const SIGNS: Signs = Signs::Sha256 { header: "x-hook-signature", prefix: "" };

/// The secret that a handshake brings, and its answer. Whoever takes it must be in a window that a person opened, and
/// must not have a secret already: anybody can send a handshake.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What later deliveries are signed with.
    pub secret: Secret,
    /// The same header back, as Asana demands before its own call returns.
    pub answer: Greeting,
}

/// Something moved in Asana, and a question there tells how it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The goal's id.
    pub goal: String,
    /// What happened, as far as the event says.
    pub change: Change,
    /// When, as Asana says.
    pub occurred_at: Option<Timestamp>,
    /// The id of who did it, where a person did.
    pub actor: Option<String>,
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
#[must_use]
pub fn offer(method: &Method, headers: &HeaderMap, body: &[u8]) -> Option<Offer> {
    let bare = body.trim_ascii();
    if method != Method::POST
        || headers.contains_key("x-hook-signature")
        || !(bare.is_empty() || bare == b"{}")
    {
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
///
/// # Errors
/// The body is not what Asana documents.
pub fn references(body: &[u8]) -> Result<Vec<Reference>, Untranslatable> {
    let envelope: Envelope<'_> = json::body(json::text_of(body)?)?;
    let raw = envelope.events.ok_or(Untranslatable::field("events", "is missing"))?;
    let wrong = |_| Untranslatable::field("events", "must be a list");
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(wrong)?;
    if list.len() > EVENTS_MAX {
        return Err(Untranslatable::field("events", "has more than 1000 items"));
    }
    let mut references: Vec<Reference> = Vec::with_capacity(list.len());
    for (nth, raw) in list.into_iter().enumerate() {
        let reference = reference(raw).map_err(|fault| fault.of_item(nth))?;
        references.extend(reference.filter(|reference| !references.contains(reference)));
    }
    Ok(references)
}

fn reference(raw: &RawValue) -> Result<Option<Reference>, Untranslatable> {
    let missing = |path| Untranslatable::field(path, "is missing");
    let event: Event<'_> = json::object("events", Some(raw))?.ok_or(missing("events"))?;
    let resource: Resource<'_> = json::object("resource", event.resource)?.ok_or(missing("resource"))?;
    let action = json::word("action", event.action)?.ok_or(missing("action"))?;
    let parent: Option<Resource<'_>> = json::object("parent", event.parent)?;
    let is_goal = |resource: &Resource<'_>| -> Result<bool, Untranslatable> {
        Ok(json::word("resource_type", resource.resource_type)?.as_deref() == Some("goal"))
    };
    let (goal, change) = if is_goal(&resource)? {
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
    let user: Option<Resource<'_>> = json::object("user", event.user)?;
    Ok(Some(Reference {
        goal,
        change,
        occurred_at: json::time("created_at", event.created_at)?,
        actor: user.map_or(Ok(None), |user| json::id("user.gid", user.gid))?,
    }))
}

#[cfg(test)]
mod tests;
