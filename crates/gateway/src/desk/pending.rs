//! Deliveries that say what moved and not how it stands: references to their arrivals, for whoever asks the tool.

use bus::Placed;
use okr::OkrEvent;
use sources::{Pending, Source};

use super::{Desk, Draft, Kept, accepted};
use crate::{answer::Outcome, trail::Outgoing};

/// What is to be asked for, its arrival not yet placed.
#[derive(Debug)]
pub(crate) struct Due {
    /// The object key: what is said of one object keeps its order.
    pub key: String,
    pub namespace: String,
    pub pending: Pending,
}

impl Due {
    pub(crate) fn of(source: &Source, pending: Pending) -> Self {
        Self { key: source.object_key(&pending), namespace: source.namespace().to_owned(), pending }
    }

    /// The value of the record.
    fn value(&self, kept: &Kept, arrival: Placed) -> wire::Pending {
        let Pending { object_type, object_id, change, occurred_at, actor } = self.pending.clone();
        wire::Pending {
            source: kept.original.source.clone(),
            kind: kept.original.kind.to_owned(),
            namespace: self.namespace.clone(),
            object_type: object_type.to_owned(),
            object_id,
            change,
            occurred_at,
            actor,
            received_at: kept.original.received_at,
            delivery_id: kept.original.delivery_id.clone(),
            arrival_partition: arrival.partition,
            arrival_offset: arrival.offset,
        }
    }
}

impl Desk {
    /// First the events and the arrival, which is kept whatever the config says; then the references, which say where the
    /// arrival lies. All of them are acknowledged, or it did not happen.
    pub(super) async fn pending(
        &self,
        mut events: Vec<OkrEvent>,
        dues: &[Due],
        kept: &Kept,
    ) -> Result<Outcome, &'static str> {
        let (mut records, drafts) = self.records(&mut events, kept).await?;
        if !self.keep_arrivals {
            records.push(self.arrival(kept).await?);
        }
        let mut placed = self.acknowledged(records).await?;
        let arrival = placed.pop().ok_or("unacknowledged")?;
        let mut records: Vec<Outgoing> = Vec::with_capacity(dues.len());
        for (nth, due) in dues.iter().enumerate() {
            let value = due.value(kept, arrival);
            let value = self.encoded(kept.deadline, self.log.pending(&value)).await?;
            records.push(self.topics.pending((&kept.key, nth), (due, &kept.original), value, &kept.trail));
        }
        let count = records.len();
        self.acknowledged(records).await?;
        Ok(accepted_and_pending(drafts, placed, count))
    }
}

fn accepted_and_pending(drafts: Vec<Draft>, placed: Vec<Placed>, count: usize) -> Outcome {
    match accepted(drafts, placed) {
        Outcome::Accepted(events) => Outcome::Pending(events, count),
        other => other,
    }
}
