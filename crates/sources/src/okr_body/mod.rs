//! Kind `okr`: the body is our own plain JSON. The same body is the `data` of kind `standard-webhooks`.

mod body;

pub(crate) use body::{Body, Events, scaled};

use crate::{
    Delivery, Dialect, Draft, Identity, Parsed, Signs, Terms, Untranslatable,
    content::{digest, fingerprint},
    json, words,
};

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct OkrBody;

impl Dialect for OkrBody {
    fn kind(&self) -> &'static str {
        "okr"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/json"]
    }

    fn headers(&self) -> Vec<&str> {
        vec![]
    }

    fn signs(&self) -> Signs {
        Signs::No
    }

    fn parse(&self, delivery: &Delivery<'_>, terms: &Terms) -> Parsed {
        let fingerprint = fingerprint(&[delivery.body]);
        let by_hash = || body_hash(&digest(&[delivery.body]));
        let body: Body<'_> = match json::text_of(delivery.body).and_then(json::body) {
            Ok(body) => body,
            Err(fault) => {
                return Parsed { pendings: Vec::new(), identity: by_hash(), fingerprint, drafts: Err(fault) };
            }
        };
        let (identity, drafts) = match body.delivery_id() {
            Ok(id) => (id.map_or_else(by_hash, Identity::given), drafts(&body, terms)),
            Err(fault) => (by_hash(), Err(fault)),
        };
        Parsed { pendings: Vec::new(), identity, fingerprint, drafts }
    }
}

/// The identity of a body whose tool names none.
pub(crate) fn body_hash(digest: &[u8; 32]) -> Identity {
    Identity::BodyHash(format!("sha256:{}", hex::encode(digest)))
}

fn drafts(body: &Body<'_>, terms: &Terms) -> Result<Vec<Draft>, Untranslatable> {
    let kind = json::word("type", body.kind)?;
    let kind = kind.ok_or(Untranslatable::Field { path: "type", problem: "is missing" })?;
    match words::event_type(&kind) {
        Some((subject_type, change)) => {
            body.draft(Events { subject_type, change }, terms).map(|draft| vec![draft])
        }
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests;
