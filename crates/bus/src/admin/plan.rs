//! What to do about a topic: pure.

use std::{collections::BTreeMap, fmt};

use super::describe::TopicState;
use crate::topics::Retention;

/// A topic as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; an existing topic may grow to it and never shrinks.
    pub partitions: i32,
    /// How many brokers hold each partition.
    pub replication: i32,
    /// How many of them must have a record before it is acknowledged.
    pub min_isr: i32,
    /// How long it keeps records.
    pub retention: Retention,
    /// The largest record batch that it takes, in bytes.
    pub max_message_bytes: u32,
}

impl WantedTopic {
    /// The configs that the topic sets itself, whatever the brokers' defaults are.
    pub(super) fn configs(&self) -> Vec<(&'static str, String)> {
        let (policy, retention_ms) = match self.retention {
            Retention::Time(time) => ("delete", time.as_millis().to_string()),
            Retention::Compact => ("compact", "-1".to_owned()),
        };
        vec![
            ("cleanup.policy", policy.to_owned()),
            ("max.message.bytes", self.max_message_bytes.to_string()),
            ("min.insync.replicas", self.min_isr.to_string()),
            ("retention.ms", retention_ms),
        ]
    }
}

/// One way in which the cluster is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The topic does not exist; applied.
    Create(WantedTopic),
    /// It has fewer partitions; applied. Keys that go to the new ones start a new order there.
    Grow {
        /// The topic.
        topic: String,
        /// Partitions that it has.
        from: i32,
        /// Partitions that it should have.
        to: i32,
    },
    /// It has more partitions; only shown, for partitions cannot be taken away.
    Shrink {
        /// The topic.
        topic: String,
        /// Partitions that it has.
        have: i32,
        /// Partitions that the configuration knows.
        wanted: i32,
    },
    /// Its partitions have another number of replicas; only shown, for moving them is the operator's to plan.
    Replication {
        /// The topic.
        topic: String,
        /// The fewest replicas that a partition has.
        have: i32,
        /// How many it should have.
        wanted: i32,
    },
    /// A config that is unset or has another value; applied where `applied` says so.
    Config {
        /// The topic.
        topic: String,
        /// The config's name.
        key: &'static str,
        /// What is set on the topic, if anything.
        have: Option<String>,
        /// What should be.
        wanted: String,
        /// Whether it is set by `apply`: an unset one is, and a number that is lower than wanted is raised. A higher
        /// number and another clean-up policy are somebody's choice and stay.
        applied: bool,
    },
}

impl Difference {
    /// Whether `apply` does something about it.
    pub fn is_applied(&self) -> bool {
        match self {
            Self::Create(_) | Self::Grow { .. } => true,
            Self::Shrink { .. } | Self::Replication { .. } => false,
            Self::Config { applied, .. } => *applied,
        }
    }

    /// The topic that it is about.
    pub fn topic(&self) -> &str {
        match self {
            Self::Create(wanted) => &wanted.name,
            Self::Grow { topic, .. }
            | Self::Shrink { topic, .. }
            | Self::Replication { topic, .. }
            | Self::Config { topic, .. } => topic,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(wanted) => {
                write!(f, "{}: create with {} partitions", wanted.name, wanted.partitions)?;
                write!(f, ", {} replicas", wanted.replication)?;
                wanted.configs().iter().try_for_each(|(key, value)| write!(f, ", {key}={value}"))
            }
            Self::Grow { topic, from, to } => write!(f, "{topic}: grow from {from} to {to} partitions"),
            Self::Shrink { topic, have, wanted } => {
                write!(f, "{topic}: has {have} partitions, configured are {wanted}; left alone")
            }
            Self::Replication { topic, have, wanted } => {
                write!(f, "{topic}: has {have} replicas, configured are {wanted}; left alone")
            }
            Self::Config { topic, key, have, wanted, applied } => {
                let have = have.as_deref().unwrap_or("unset");
                let rest = if *applied { "" } else { "; left alone" };
                write!(f, "{topic}: {key} is {have}, configured is {wanted}{rest}")
            }
        }
    }
}

/// What differs between a wanted topic and the one that is there.
pub(super) fn compare(wanted: &WantedTopic, state: Option<&TopicState>) -> Vec<Difference> {
    let Some(state) = state else { return vec![Difference::Create(wanted.clone())] };
    let topic = || wanted.name.clone();
    let mut differences = Vec::new();
    let count = state.partitions.len() as i32;
    if count < wanted.partitions {
        differences.push(Difference::Grow { topic: topic(), from: count, to: wanted.partitions });
    } else if count > wanted.partitions {
        differences.push(Difference::Shrink { topic: topic(), have: count, wanted: wanted.partitions });
    }
    let replicas = state.partitions.iter().map(|partition| partition.replicas).min().unwrap_or(0);
    if replicas != wanted.replication {
        differences.push(Difference::Replication {
            topic: topic(),
            have: replicas,
            wanted: wanted.replication,
        });
    }
    for (key, value) in wanted.configs() {
        let have = state.configs.get(key);
        if have == Some(&value) {
            continue;
        }
        // More in-sync replicas than replicas would make the topic read-only.
        let safe = key != "min.insync.replicas" || wanted.min_isr <= replicas;
        let applied = safe && have.is_none_or(|have| is_lower(have, &value));
        differences.push(Difference::Config {
            topic: topic(),
            key,
            have: have.cloned(),
            wanted: value,
            applied,
        });
    }
    differences
}

/// The configs to set, by topic.
pub(super) fn changes(differences: &[Difference]) -> BTreeMap<&str, BTreeMap<&str, &str>> {
    let mut changes: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for difference in differences {
        if let Difference::Config { topic, key, wanted, applied: true, .. } = difference {
            changes.entry(topic).or_default().insert(key, wanted);
        }
    }
    changes
}

/// Whether both are numbers and the first is lower; a negative one is without bound.
fn is_lower(have: &str, wanted: &str) -> bool {
    let number =
        |text: &str| text.parse::<i64>().ok().map(|number| if number < 0 { i64::MAX } else { number });
    match (number(have), number(wanted)) {
        (Some(have), Some(wanted)) => have < wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
