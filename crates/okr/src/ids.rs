//! Names that are computed, so that everyone who computes them gets the same: subject keys, event ids, types.

use std::borrow::Cow;

use uuid::Uuid;

use crate::{Change, EventId, OkrEvent, Subject, SubjectType};

/// The namespace of all event ids: UUIDv5 of the URL namespace and `https://github.com/okr-router/okr-router`.
/// It never changes, or every repeat of a delivery would become a new event.
const ROOT: Uuid = Uuid::from_u128(0xdcc8_9cdb_f445_5ba5_9d6a_2aeb_aeba_448a);

/// The key of every record about a subject: `{namespace}/{type}/{id}`.
///
/// The id may hold anything. A slash or percent sign in the namespace is percent-encoded, so that two subjects
/// never share a key.
pub fn subject_key(subject: &Subject) -> String {
    object_key(&subject.namespace, subject.kind.as_str(), &subject.id)
}

/// Likewise for anything that a tool has an id for: `kind` is the tool's word for it, without a slash.
pub fn object_key(namespace: &str, kind: &str, id: &str) -> String {
    let namespace = if namespace.contains(['/', '%']) {
        Cow::Owned(namespace.replace('%', "%25").replace('/', "%2F"))
    } else {
        Cow::Borrowed(namespace)
    };
    [&namespace, "/", kind, "/", id].concat()
}

/// The id of the `nth` event (0 is the first) about one subject in one delivery.
///
/// UUIDv5 over each text's length (8 bytes, big endian) and bytes, then `nth` (4 bytes, big endian): what is hashed
/// is different for any two different inputs.
pub fn event_id(namespace: &str, delivery_identity: &str, subject_key: &str, nth: u32) -> EventId {
    let mut name = Vec::with_capacity(28 + namespace.len() + delivery_identity.len() + subject_key.len());
    for text in [namespace, delivery_identity, subject_key] {
        name.extend_from_slice(&(text.len() as u64).to_be_bytes());
        name.extend_from_slice(text.as_bytes());
    }
    name.extend_from_slice(&nth.to_be_bytes());
    EventId(Uuid::new_v5(&ROOT, &name))
}

/// The CloudEvents type: `okr.{subject type}.{change}`.
pub fn ce_type(event: &OkrEvent) -> &'static str {
    macro_rules! of {
        ($subject:literal) => {
            match event.change {
                Change::Unknown => concat!("okr.", $subject, ".unknown"),
                Change::Created => concat!("okr.", $subject, ".created"),
                Change::Updated => concat!("okr.", $subject, ".updated"),
                Change::CheckedIn => concat!("okr.", $subject, ".checked_in"),
                Change::StatusChanged => concat!("okr.", $subject, ".status_changed"),
                Change::Closed => concat!("okr.", $subject, ".closed"),
                Change::Deleted => concat!("okr.", $subject, ".deleted"),
                Change::Commented => concat!("okr.", $subject, ".commented"),
            }
        };
    }
    match event.subject.kind {
        SubjectType::Objective => of!("objective"),
        SubjectType::KeyResult => of!("key_result"),
        SubjectType::Initiative => of!("initiative"),
        SubjectType::Custom => of!("custom"),
    }
}

#[cfg(test)]
mod tests;
