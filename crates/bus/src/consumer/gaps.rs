//! Finds the slots whose next record is gone.
//!
//! librdkafka resets such a position to the earliest record by itself and says so in a log line only. After such a line
//! the known positions are held against what the cluster has; the first record after the reset cannot be here yet, for
//! it has to be fetched first.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::{Signal, context::Context, offsets};
use crate::{observe, record::Slot};

const ASK_WAIT: Duration = Duration::from_secs(5);

/// Tells of each slot whose position lies outside what its partition holds.
pub(super) fn look(client: &BaseConsumer<Context>) {
    let context = client.context();
    for (slot, position) in positions(client) {
        let Ok((low, high)) = client.fetch_watermarks(&slot.topic, slot.partition, ASK_WAIT) else {
            return context.keep_reset();
        };
        if position < low || position > high {
            tracing::warn!(
                record.topic = &*slot.topic,
                record.partition = slot.partition,
                record.offset = position,
                "{slot}@{position} is gone, the partition now holds {low} to {high}",
            );
            observe::out_of_range(context.slots.group());
            context.slots.begin_again(&slot, low);
            context.tell(Signal::OffsetOutOfRange(slot));
        }
    }
}

/// Where each slot stands; the committed offset where no record came yet.
fn positions(client: &BaseConsumer<Context>) -> Vec<(Slot, i64)> {
    let (known, fresh): (Vec<_>, Vec<_>) =
        client.context().slots.positions().into_iter().partition(|(_, next)| next.is_some());
    let fresh: Vec<Slot> = fresh.into_iter().map(|(slot, _)| slot).collect();
    let mut positions: Vec<(Slot, i64)> =
        known.into_iter().filter_map(|(slot, next)| Some((slot, next?))).collect();
    if !fresh.is_empty()
        && let Ok(committed) = client.committed_offsets(offsets::list(&fresh), ASK_WAIT)
    {
        positions.extend(offsets::offsets(&committed));
    }
    positions
}
