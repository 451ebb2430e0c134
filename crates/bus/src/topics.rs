//! The topics that are built, as data.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MIB: u32 = 1024 * 1024;

/// How long a topic keeps records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// By age.
    Time(Duration),
    /// The newest record of each key, for ever.
    Compact,
}

/// What a topic is, whatever the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: &'static str,
    /// How long it keeps records.
    pub retention: Retention,
    /// The largest record batch that it takes, in bytes.
    pub max_message_bytes: u32,
}

/// All topics that this version uses.
pub const TOPICS: &[Topic] = &[
    Topic {
        name: "okr.events",
        retention: Retention::Time(DAY.saturating_mul(90)),
        max_message_bytes: 2 * MIB,
    },
    Topic {
        name: "okr.arrivals",
        retention: Retention::Time(DAY.saturating_mul(30)),
        max_message_bytes: 2 * MIB,
    },
    Topic {
        name: "okr.pending",
        retention: Retention::Time(DAY.saturating_mul(7)),
        max_message_bytes: 2 * MIB,
    },
    Topic {
        name: "okr.dead.gateway",
        retention: Retention::Time(DAY.saturating_mul(30)),
        max_message_bytes: 16 * MIB,
    },
    Topic {
        name: "okr.dead.notifier",
        retention: Retention::Time(DAY.saturating_mul(30)),
        max_message_bytes: 16 * MIB,
    },
    Topic {
        name: "okr.dead.warehouse",
        retention: Retention::Time(DAY.saturating_mul(30)),
        max_message_bytes: 16 * MIB,
    },
    // Takes whatever a dead letter may hold.
    Topic {
        name: "okr.replay.notifier",
        retention: Retention::Time(DAY.saturating_mul(7)),
        max_message_bytes: 16 * MIB,
    },
    // A record holds words and counts, never a body.
    Topic {
        name: "okr.audit",
        retention: Retention::Time(DAY.saturating_mul(365)),
        max_message_bytes: 2 * MIB,
    },
];

/// The topic of that name, when it is one of ours.
pub fn topic(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}
