//! Records that go into one service once more: untouched, with headers that say which run brought them, and for whom.

use std::sync::Arc;

use crate::{
    header, place,
    record::{Headers, InRecord, OutRecord},
};

/// The value of `okr-replay-mode` for a dead letter that goes back to the service and target that gave it up.
pub const REDRIVE: &str = "redrive";

/// What a letter of an earlier run says about it, and what is said anew with each dead letter. The target is not among
/// them: it says whom the record is for.
const TAKEN_OFF: &[&str] = &[
    header::OKR_DEAD_SERVICE,
    header::OKR_DEAD_TARGET,
    header::OKR_DEAD_REASON,
    header::OKR_DEAD_ERROR,
    header::OKR_DEAD_ATTEMPTS,
    header::OKR_DEAD_AT,
    header::OKR_REPLAY_ID,
    header::OKR_REPLAY_MODE,
];

/// The topic that brings records to a service once more.
pub fn topic(service: &str) -> Arc<str> {
    format!("okr.replay.{service}").into()
}

/// The record of a dead letter again, for the replay topic of `service`, which has that many partitions.
///
/// Key and value stay as they are, and so do all headers that the record had before it died, with `okr-original-*` and
/// the newest `okr-dead-target`; the rest of `okr-dead-*` is taken off, so that a letter that comes back again and again
/// does not grow. `okr-replay-id` and `okr-replay-mode` are added, last. It is placed as its dead letter was.
pub fn of_letter(letter: &InRecord, service: &str, replay_id: &str, partitions: i32) -> OutRecord {
    let kept = letter.headers.iter().filter(|(name, _)| !TAKEN_OFF.contains(name));
    let mut headers: Headers = kept.map(|(name, value)| (name.to_owned(), value.cloned())).collect();
    if let Some(target) = letter.headers.get(header::OKR_DEAD_TARGET) {
        headers.push(header::OKR_DEAD_TARGET, target.clone());
    }
    headers.push(header::OKR_REPLAY_ID, replay_id.to_owned());
    headers.push(header::OKR_REPLAY_MODE, REDRIVE);
    let partition = match &letter.key {
        Some(key) => place::partition(key, partitions),
        None => {
            let original = letter.headers.get_str(header::OKR_ORIGINAL_PARTITION);
            let original = original.and_then(|text| text.parse().ok()).unwrap_or(letter.slot.partition);
            original.max(0) % partitions.max(1)
        }
    };
    OutRecord {
        topic: topic(service),
        partition,
        key: letter.key.clone(),
        value: letter.value.clone(),
        headers,
    }
}

#[cfg(test)]
mod tests;
