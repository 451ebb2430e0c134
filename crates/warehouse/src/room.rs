//! Whether a home has room on its disk. It answers questions when it has none, so commits alone learn of it; readiness
//! tells what they have met.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use worker::ProgressError;

/// For how long a commit that met a full disk speaks for it: the next one comes sooner, unless nothing is to be written.
const HOLDS: Duration = Duration::from_secs(120);

/// What a database says of a full disk: Postgres by its code, SQLite by its words.
const FULL: [&str; 2] = ["(53100)", "disk is full"];

/// What commits have met.
#[derive(Debug, Default)]
pub(crate) struct Room {
    full: Mutex<Option<(Instant, String)>>,
}

impl Room {
    /// Takes notice of how a commit ended.
    pub(crate) fn note<T>(&self, outcome: &Result<T, ProgressError>) {
        let met = match outcome {
            Ok(_) => None,
            Err(ProgressError::Unavailable(why)) if FULL.iter().any(|words| why.contains(words)) => {
                Some((Instant::now(), why.clone()))
            }
            // Says nothing of the disk.
            Err(_) => return,
        };
        *self.full.lock().unwrap_or_else(PoisonError::into_inner) = met;
    }

    /// That the last commit found room.
    pub(crate) fn check(&self) -> Result<(), ProgressError> {
        let full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        match full.as_ref().filter(|(at, _)| at.elapsed() < HOLDS) {
            Some((_, why)) => Err(ProgressError::Unavailable(format!(
                "the warehouse's database is full and takes no rows ({why}): make room on its disk; records wait in \
                 Kafka meanwhile"
            ))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(room: &Room, outcome: Result<(), ProgressError>, expected: bool) {
        room.note(&outcome);
        assert_eq!(room.check().is_err(), expected, "{outcome:?}");
    }

    #[test]
    fn a_full_disk_is_told_until_a_commit_finds_room() {
        let (room, away) = (Room::default(), |why: &str| Err(ProgressError::Unavailable(why.to_owned())));
        check(&room, Ok(()), false);
        check(&room, away("connection refused"), false);
        check(&room, away("could not extend file \"base/1\": No space left on device (53100)"), true);
        let told = room.check().unwrap_err().to_string();
        assert!(told.contains("is full") && told.contains("could not extend"), "{told}");
        check(&room, away("connection refused"), true);
        check(&room, Err(ProgressError::Outdated), true);
        check(&room, Ok(()), false);
        check(&room, away("SQLite failure: `database or disk is full`"), true);
    }
}
