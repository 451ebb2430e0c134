//! What a record means to the notifier: an event, and rows for the targets of its route.

use async_trait::async_trait;
use boot::Clock;
use bus::InRecord;
use okr::OkrEvent;
use outbox::{Engine, QueueError};
use wire::{Decoder, WireError};
use worker::{Failure, Handler};

use crate::observe;
use crate::planner::{Occasion, Verdict};
use crate::reload::Current;
use crate::replay::{self, Errand};

/// Decodes events and plans their deliveries. Planning an event again changes nothing: the claim is the row. A record of
/// the replay topic is planned as its errand says, once per run.
#[derive(Clone)]
pub(crate) struct Notifier {
    pub(crate) decoder: Decoder,
    pub(crate) planner: Current,
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
}

#[async_trait]
impl Handler for Notifier {
    type Item = OkrEvent;

    async fn decode(&self, record: &InRecord) -> Result<OkrEvent, Failure> {
        let Some(value) = &record.value else {
            return Err(Failure::reject("null_value", "the record has no value"));
        };
        self.decoder.event(value).await.map_err(|error| undecoded(&error))
    }

    async fn handle(&self, event: &OkrEvent, record: &InRecord, _attempt: u32) -> Result<(), Failure> {
        let errand = (*record.slot.topic == *replay::TOPIC).then(|| Errand::of(record)).transpose()?;
        let occasion = match &errand {
            Some(errand) => Occasion::Again(errand),
            None => Occasion::Live((self.clock)()),
        };
        let planner = self.planner.take();
        let decision = planner
            .decide(event, record, occasion)
            .map_err(|error| Failure::reject(error.reason(), error))?;
        match decision.verdict {
            Verdict::Suppressed(suppression) => observe::suppressed(suppression),
            Verdict::Unmatched => observe::unmatched(),
            Verdict::Deliver { route, parcels } => {
                let count = parcels.len();
                self.engine.plan(parcels).await.map_err(|error| unplanned(&error))?;
                observe::planned(route, count);
            }
        }
        // Only now, for a record that comes again after a failure is decided about again.
        decision.unknown.into_iter().for_each(observe::condition_unknown);
        Ok(())
    }
}

/// A registry that is down is nobody's fault and waited for; bytes that are no event never become one.
pub(crate) fn undecoded(error: &WireError) -> Failure {
    match error {
        // No record can be read before a person mends the configuration.
        WireError::Address(_) => Failure::halt(error.reason(), error),
        passing if passing.is_passing() => Failure::wait(error.reason(), error),
        _ => Failure::reject(error.reason(), error),
    }
}

/// Without a store nothing can be planned: waited for, unless only a person can mend it.
pub(crate) fn unplanned(error: &QueueError) -> Failure {
    match error {
        QueueError::Unavailable(_) => Failure::wait(error.reason(), error),
        QueueError::Broken(_) => Failure::halt(error.reason(), error),
    }
}
