//! A group and what it reads as the broker sees them, without joining: nothing that is asked here moves an offset,
//! starts a rebalance or keeps a group alive.

use std::{fmt, time::Duration};

use rdkafka::{Offset, TopicPartitionList, consumer::Consumer as _};

use crate::{
    error::BusError,
    record::Slot,
    settings::{self, Settings},
    watch::Probe,
};

/// Asks about one group. Cheap to clone.
#[derive(Clone)]
pub struct Onlooker {
    probe: Probe,
    group: String,
}

/// A group as its coordinator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crew {
    /// `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` or `Dead`.
    pub state: String,
    /// The client ids of its members.
    pub clients: Vec<String>,
}

impl Crew {
    /// Whether a rebalance is under way, in which nothing can be said of a single member.
    pub fn is_rebalancing(&self) -> bool {
        self.state.ends_with("Rebalance")
    }
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The slot.
    pub slot: Slot,
    /// The oldest offset that may still be there.
    pub low: i64,
    /// The offset that the next record gets.
    pub end: i64,
}

impl fmt::Debug for Onlooker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Onlooker").field("group", &self.group).finish_non_exhaustive()
    }
}

impl Onlooker {
    /// Makes a client of its own; nothing is connected yet.
    pub fn new(settings: &Settings, group: &str) -> Result<Self, BusError> {
        let mut config = settings::base(settings)?;
        // Only who subscribes becomes a member.
        config.set("group.id", group);
        Ok(Self { probe: Probe::of(settings, config)?, group: group.to_owned() })
    }

    /// Whether a broker answers within `wait`.
    pub async fn alive(&self, wait: Duration) -> Result<(), BusError> {
        self.probe.ask(wait).await
    }

    /// Who is in the group; none when no broker knows it.
    pub async fn crew(&self, wait: Duration) -> Result<Option<Crew>, BusError> {
        let group = self.group.clone();
        self.probe
            .run(move |client| {
                let list = client.fetch_group_list(Some(&group), wait)?;
                Ok(list.groups().iter().find(|known| known.name() == group).map(|known| Crew {
                    state: known.state().to_owned(),
                    clients: known.members().iter().map(|member| member.client_id().to_owned()).collect(),
                }))
            })
            .await
    }

    /// The next offset of the group in each of these slots, where it has committed one.
    pub async fn committed(&self, slots: &[Slot], wait: Duration) -> Result<Vec<(Slot, i64)>, BusError> {
        let list = list(slots, None);
        let answer = self.probe.run(move |client| client.committed_offsets(list, wait)).await?;
        Ok(offsets(&answer))
    }

    /// What these slots hold; those that no broker tells are left out.
    pub async fn reach(&self, slots: &[Slot], wait: Duration) -> Result<Vec<Reach>, BusError> {
        if slots.is_empty() {
            return Ok(Vec::new());
        }
        let (first, last) = (list(slots, Some(Offset::Beginning)), list(slots, Some(Offset::End)));
        let (lows, ends) = self
            .probe
            .run(move |client| {
                Ok((client.offsets_for_times(first, wait)?, client.offsets_for_times(last, wait)?))
            })
            .await?;
        let lows = offsets(&lows);
        let low = |slot: &Slot| lows.iter().find(|(known, _)| known == slot).map(|(_, low)| *low);
        let reach = |(slot, end): (Slot, i64)| Some(Reach { low: low(&slot)?, slot, end });
        Ok(offsets(&ends).into_iter().filter_map(reach).collect())
    }
}

/// The names of all groups that the brokers know.
pub async fn groups(settings: &Settings, wait: Duration) -> Result<Vec<String>, BusError> {
    let probe = Probe::new(settings)?;
    probe
        .run(move |client| {
            let list = client.fetch_group_list(None, wait)?;
            Ok(list.groups().iter().map(|group| group.name().to_owned()).collect())
        })
        .await
}

/// A list of slots; the beginning and the end are what librdkafka asks the broker for in place of a time.
fn list(slots: &[Slot], offset: Option<Offset>) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(slots.len());
    for slot in slots {
        match offset {
            // It fails on negative numbers only, and these two are none.
            Some(offset) => drop(list.add_partition_offset(&slot.topic, slot.partition, offset)),
            None => drop(list.add_partition(&slot.topic, slot.partition)),
        }
    }
    list
}

fn offsets(list: &TopicPartitionList) -> Vec<(Slot, i64)> {
    list.elements()
        .iter()
        .filter(|element| element.error().is_ok())
        .filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((Slot::new(element.topic(), element.partition()), offset)),
            _ => None,
        })
        .collect()
}
