//! Records that come once more, on the notifier's own replay topic: what they ask for, and how much room they get.

use std::time::Duration;

use boot::Bytes;
use bus::{InRecord, header};
use worker::{Failure, FuseConfig, WorkerConfig};

/// What brings them.
pub(crate) const TOPIC: &str = "okr.replay.notifier";
/// The consumer group.
pub(crate) const GROUP: &str = "okr.notifier.replay";
/// The consumer's name in metrics and in `/readyz`; its dead letters are the notifier's.
pub(crate) const NAME: &str = "notifier.replay";

/// The part of the worker's bounds that replays may use, in percent: what is new goes first.
const SHARE_PERCENT: u64 = 20;
/// Nobody waits for a replayed record to the second, so an idle broker is asked less often.
const FETCH_WAIT: Duration = Duration::from_secs(5);

/// What a replayed record asks for: its effects are new ones of this run, for one target or for all of its route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Errand {
    pub(crate) replay_id: String,
    /// None: the record itself was given up before it had a target.
    pub(crate) target: Option<String>,
}

impl Errand {
    /// Reads the headers of a record of the replay topic. One that does not say which run brings it is rejected, for
    /// its effects could not be told from those of another run.
    pub(crate) fn of(record: &InRecord) -> Result<Self, Failure> {
        let header = |name| record.headers.get_str(name).filter(|text| !text.is_empty());
        let Some(replay_id) = header(header::OKR_REPLAY_ID) else {
            return Err(Failure::reject("replay_id", "the record does not name the run that brings it"));
        };
        match header(header::OKR_REPLAY_MODE) {
            Some(bus::replay::REDRIVE) => {}
            other => return Err(Failure::reject("replay_mode", format!("no such mode: {other:?}"))),
        }
        let target = header(header::OKR_DEAD_TARGET).map(str::to_owned);
        Ok(Self { replay_id: replay_id.to_owned(), target })
    }
}

/// The bounds of the replay consumer: a fifth of the worker's, never nothing. It has no fuse: a person chose what comes,
/// there is an end to it, and what fails again goes back to where it came from.
pub(crate) fn share(config: &WorkerConfig) -> WorkerConfig {
    let part = |whole: usize| (whole as u64 * SHARE_PERCENT / 100).max(1) as usize;
    WorkerConfig {
        in_flight_max: part(config.in_flight_max),
        queue_records_max: part(config.queue_records_max),
        queue_bytes_max: Bytes((config.queue_bytes_max.0 * SHARE_PERCENT / 100).max(1)),
        fuse: FuseConfig { in_a_row: u32::MAX, percent: 100 },
        ..*config
    }
}

/// How the replay consumer reads: likewise with a fifth of the memory.
pub(crate) fn settings(settings: &bus::Settings) -> bus::Settings {
    bus::Settings {
        client_id: format!("{}-replay", settings.client_id),
        fetch_queue_bytes: (settings.fetch_queue_bytes * SHARE_PERCENT / 100).max(1),
        fetch_wait: settings.fetch_wait.max(FETCH_WAIT),
        ..settings.clone()
    }
}
