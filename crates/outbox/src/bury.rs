//! Dead letters of deliveries: acknowledged by Kafka before the row is marked.

use async_trait::async_trait;
use bus::OutRecord;

use crate::{EngineOptions, Parcel, QueueError, observe, traces};

/// Where dead letters go: a service answers it with its producer and the topic that it has looked up.
#[async_trait]
pub trait DeadLetters: Send + Sync + 'static {
    /// How many partitions the topic of dead letters of `service` has.
    fn partitions(&self) -> i32;

    /// Returns only once Kafka has acknowledged the letter with an offset; an error says that it may not be there.
    async fn bury(&self, letter: OutRecord) -> Result<(), String>;
}

/// Why a parcel is given up for which its target has no room.
const FULL: &str = "target_full";

/// Dead letters of parcels for which their target has no room; answers how many of them were known before and got
/// none. An effect is claimed only after its letter is acknowledged: a claim without a letter would lose it.
pub async fn overflow(options: &EngineOptions, parcels: &[Parcel]) -> Result<usize, QueueError> {
    let effects = parcels.iter().map(|parcel| parcel.effect.clone()).collect();
    let known = options.queue.known(effects).await?;
    let (mut buried, mut refusal) = (Vec::new(), None);
    for (parcel, _) in parcels.iter().zip(known).filter(|(_, is_known)| !is_known) {
        if buried.contains(&parcel.effect) {
            continue;
        }
        match letter(options, parcel).await {
            Ok(()) => buried.push(parcel.effect.clone()),
            Err(error) => {
                refusal = Some(format!("dead letter was not acknowledged: {error}"));
                break;
            }
        }
    }
    // Those that are acknowledged are not sent again when their record is.
    let new = buried.len();
    if new > 0 {
        options.queue.close(buried, FULL).await?;
    }
    refusal.map_or(Ok(parcels.len() - new), |error| Err(QueueError::Unavailable(error)))
}

async fn letter(options: &EngineOptions, parcel: &Parcel) -> Result<(), String> {
    let (at, target) = ((options.house.clock)().to_string(), &parcel.effect.target);
    let error = format!("{target} has {} unfinished rows", options.config.rows_max);
    let origin = bus::dead::Origin {
        service: options.service,
        target: Some(target),
        reason: FULL,
        error: &error,
        attempts: 0,
        at: &at,
    };
    let letter = bus::dead::letter(&parcel.record.to_record(), &origin, options.dead.partitions());
    let mut span = traces::letter(parcel, &letter, FULL);
    options.dead.bury(letter).await.inspect_err(|error| span.fail("unacknowledged", error))?;
    drop(span);
    observe::dead_lettered(options.service, target, &parcel.effect.id(), (FULL, &error));
    Ok(())
}
