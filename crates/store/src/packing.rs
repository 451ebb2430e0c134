//! The column forms of a parcel, the same in both homes.

use std::borrow::Cow;

use outbox::{Content, Effect, Parcel, QueueError, RecordCopy};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time;

/// Postgres refuses index entries of more than about 2,700 bytes; a tool's ids may be of any length.
const LANE_BYTES_MAX: usize = 512;
/// An error is for reading: what a remote pours into one must not fill the store.
const ERROR_BYTES_MAX: usize = 2_000;

/// What a parcel says, as one JSON text. The subject key stands here as it is; the lane column may be a short form.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    subject_key: Cow<'a, str>,
    #[serde(flatten)]
    content: Cow<'a, Content>,
}

/// The columns of `router_parcels` that are not keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    pub(crate) lane: String,
    pub(crate) received_at: i64,
    pub(crate) body: String,
    pub(crate) record: Vec<u8>,
}

pub(crate) fn pack(parcel: &Parcel) -> Result<Packed, QueueError> {
    let body =
        Body { subject_key: Cow::Borrowed(&parcel.subject_key), content: Cow::Borrowed(&parcel.content) };
    Ok(Packed {
        lane: lane(&parcel.subject_key),
        received_at: time::micros(parcel.received_at),
        body: serde_json::to_string(&body).map_err(|error| QueueError::Broken(error.to_string()))?,
        record: parcel.record.pack(),
    })
}

/// The parcel again.
pub(crate) fn unpack(
    effect: Effect,
    received_at: i64,
    body: &str,
    record: &[u8],
) -> Result<Parcel, QueueError> {
    let unreadable =
        |cause: String| QueueError::Broken(format!("row of effect {} is unreadable: {cause}", effect.id()));
    let body: Body<'_> = serde_json::from_str(body).map_err(|error| unreadable(error.to_string()))?;
    let record = RecordCopy::unpack(record).map_err(|error| unreadable(error.to_string()))?;
    Ok(Parcel {
        subject_key: body.subject_key.into_owned(),
        received_at: time::timestamp(received_at),
        content: body.content.into_owned(),
        record,
        effect,
    })
}

/// The parcels in their order, in slices of about `bytes_max` bytes; each has at least one.
pub(crate) fn slices(parcels: Vec<Parcel>, bytes_max: usize) -> Vec<Vec<Parcel>> {
    let mut slices: Vec<Vec<Parcel>> = Vec::new();
    let mut bytes = 0;
    for parcel in parcels {
        let size = parcel.size();
        match slices.last_mut() {
            Some(slice) if bytes + size <= bytes_max => slice.push(parcel),
            _ => {
                bytes = 0;
                slices.push(vec![parcel]);
            }
        }
        bytes += size;
    }
    slices
}

/// The key of a subject's lane: the subject key itself, or for a long one its beginning and a hash of the whole.
pub(crate) fn lane(subject_key: &str) -> String {
    if subject_key.len() <= LANE_BYTES_MAX {
        return text(subject_key).into_owned();
    }
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, subject_key.as_bytes());
    format!("{}…{hash}", text(cut(subject_key, LANE_BYTES_MAX / 2)))
}

/// An error or reason as it is kept.
pub(crate) fn remark(words: &str) -> String {
    text(cut(words, ERROR_BYTES_MAX)).into_owned()
}

/// Postgres keeps no NUL in text: it becomes U+FFFD.
pub(crate) fn text(words: &str) -> Cow<'_, str> {
    if words.contains('\0') { Cow::Owned(words.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(words) }
}

/// At most the first `bytes_max` bytes, no character broken.
fn cut(words: &str, bytes_max: usize) -> &str {
    &words[..words.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_subject_key_gets_a_short_lane_of_its_own() {
        let long = "ü".repeat(3_000);
        let other = format!("{}x", &long);
        assert!(lane(&long).len() < LANE_BYTES_MAX);
        assert_ne!(lane(&long), lane(&other));
        assert_eq!(lane("acme/key_result/7"), "acme/key_result/7");
        assert_eq!(lane("a\0b"), "a\u{FFFD}b");
    }

    #[test]
    fn large_parcels_go_in_slices_in_their_order() {
        let parcel = |n: usize| Parcel {
            effect: Effect {
                service: "s".into(),
                event_id: Uuid::nil(),
                target: n.to_string(),
                replay_id: String::new(),
            },
            subject_key: String::new(),
            received_at: jiff::Timestamp::UNIX_EPOCH,
            content: Content { text: Some("x".repeat(n)), ..Content::default() },
            record: RecordCopy::default(),
        };
        let slices = slices([40, 50, 20, 500, 1].map(parcel).to_vec(), 100);
        let targets: Vec<Vec<&str>> =
            slices.iter().map(|slice| slice.iter().map(|p| p.effect.target.as_str()).collect()).collect();
        assert_eq!(targets, [vec!["40", "50"], vec!["20"], vec!["500"], vec!["1"]]);
        assert!(super::slices(Vec::new(), 100).is_empty());
    }

    #[test]
    fn a_remark_is_cut_between_characters() {
        assert_eq!(remark("short"), "short");
        assert_eq!(remark(&"é".repeat(1_500)).chars().count(), 1_000);
    }
}
