//! Dead letters of deliveries: acknowledged by Kafka before the row is marked.

use async_trait::async_trait;
use bus::OutRecord;

use crate::{EngineOptions, Parcel, observe, traces};

/// Where dead letters go: a service answers it with its producer and the topic that it has looked up.
#[async_trait]
pub trait DeadLetters: Send + Sync + 'static {
    /// How many partitions the topic of dead letters of `service` has.
    fn partitions(&self) -> i32;

    /// Returns only once Kafka has acknowledged the letter with an offset; an error says that it may not be there.
    async fn bury(&self, letter: OutRecord) -> Result<(), String>;
}

/// The dead letter of a parcel for which its target has no room.
pub async fn overflow(options: &EngineOptions, parcel: &Parcel) -> Result<(), String> {
    let (at, target) = ((options.house.clock)().to_string(), &parcel.effect.target);
    let error = format!("{target} has {} unfinished rows", options.config.rows_max);
    let origin = bus::dead::Origin {
        service: options.service,
        target: Some(target),
        reason: "target_full",
        error: &error,
        attempts: 0,
        at: &at,
    };
    let letter = bus::dead::letter(&parcel.record.to_record(), &origin, options.dead.partitions());
    let mut span = traces::letter(parcel, &letter, "target_full");
    options.dead.bury(letter).await.inspect_err(|error| span.fail("unacknowledged", error))?;
    drop(span);
    observe::dead_lettered(options.service, target, &parcel.effect.id(), ("target_full", &error));
    Ok(())
}
