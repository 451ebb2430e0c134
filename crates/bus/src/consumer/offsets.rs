//! The one place where offsets go into librdkafka's lists and come out of them. All of them are next offsets, as they
//! are: nothing adds one.

use rdkafka::{Offset, TopicPartitionList};

use crate::record::Slot;

/// A list for a commit: none when nothing is left to commit.
pub(super) fn commits(offsets: &[(Slot, i64)]) -> Option<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (slot, next) in offsets.iter().filter(|(_, next)| *next >= 0) {
        // It fails on negative offsets only.
        let _ = list.add_partition_offset(&slot.topic, slot.partition, Offset::Offset(*next));
    }
    (list.count() > 0).then_some(list)
}

/// A list for an assignment: slots without an offset begin at the committed one.
pub(super) fn starts(starts: &[(Slot, Option<i64>)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(starts.len());
    for (slot, next) in starts {
        let offset = next.filter(|next| *next >= 0).map_or(Offset::Stored, Offset::Offset);
        let _ = list.add_partition_offset(&slot.topic, slot.partition, offset);
    }
    list
}

/// A list of slots.
pub(super) fn list(slots: &[Slot]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(slots.len());
    for slot in slots {
        list.add_partition(&slot.topic, slot.partition);
    }
    list
}

/// The slots of a list.
pub(super) fn slots(list: &TopicPartitionList) -> Vec<Slot> {
    list.elements().iter().map(|element| Slot::new(element.topic(), element.partition())).collect()
}

/// The offsets of a list, where it has any.
pub(super) fn offsets(list: &TopicPartitionList) -> Vec<(Slot, i64)> {
    list.elements()
        .iter()
        .filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((Slot::new(element.topic(), element.partition()), offset)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
