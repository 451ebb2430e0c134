//! Kind `standard-webhooks`: the envelope of standardwebhooks.com around an okr body, signed with `webhook-*` headers
//! (or `svix-*`, the same under older names).

use serde::Deserialize;

use crate::{
    Delivery, Dialect, Draft, Identity, Parsed, Signs, Terms, Untranslatable,
    content::{digest, fingerprint},
    json::{self, Raw},
    okr_body::{Body, Events, body_hash},
    verify::standard,
    words,
};

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct StandardWebhooks;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    timestamp: Raw<'a>,
    #[serde(borrow)]
    data: Raw<'a>,
}

impl Dialect for StandardWebhooks {
    fn kind(&self) -> &'static str {
        "standard-webhooks"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/json"]
    }

    fn headers(&self) -> Vec<&str> {
        vec!["webhook-id", "webhook-timestamp", "svix-id", "svix-timestamp"]
    }

    fn id_headers(&self) -> Vec<&str> {
        vec!["webhook-id", "svix-id"]
    }

    fn signs(&self) -> Signs {
        Signs::Standard
    }

    fn parse(&self, delivery: &Delivery<'_>, terms: &Terms) -> Parsed {
        let envelope: Result<Envelope<'_>, _> = json::text_of(delivery.body).and_then(json::body);
        let stamp = envelope.as_ref().ok().and_then(|envelope| envelope.timestamp);
        let said = json::unstamped(delivery.body, stamp.map(|raw| raw.get()));
        // Without the id, which only a verification of one's own lets through, the body stands for itself.
        let identity = match standard::id(delivery.headers) {
            Some(id) => Identity::given(id.to_owned()),
            None => body_hash(&digest(&said)),
        };
        Parsed {
            pendings: Vec::new(),
            identity,
            fingerprint: fingerprint(&said),
            drafts: envelope.and_then(|envelope| drafts(&envelope, terms)),
        }
    }
}

fn drafts(envelope: &Envelope<'_>, terms: &Terms) -> Result<Vec<Draft>, Untranslatable> {
    let missing = |path| Untranslatable::Field { path, problem: "is missing" };
    let kind = json::word("type", envelope.kind)?.ok_or_else(|| missing("type"))?;
    let Some((subject_type, change)) = words::event_type(&kind) else { return Ok(Vec::new()) };
    let stamped_at = json::time("timestamp", envelope.timestamp)?;
    let body: Body<'_> = json::object("data", envelope.data)?.ok_or_else(|| missing("data"))?;
    let mut draft = body.draft(Events { subject_type, change }, terms)?;
    draft.occurred_at = draft.occurred_at.or(stamped_at);
    Ok(vec![draft])
}

#[cfg(test)]
mod tests;
