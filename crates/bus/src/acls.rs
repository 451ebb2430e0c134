//! What each role may do on the cluster, as data: readiness, `okr-router topics acls` and the documentation follow it.

use std::fmt;

/// What an ACL allows. `Read`, `Write` and `Alter` allow `Describe` as well, `AlterConfigs` allows `DescribeConfigs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Fetch a topic's records; join a group and commit its offsets.
    Read,
    /// Produce.
    Write,
    /// Create the topic.
    Create,
    /// Add partitions.
    Alter,
    /// See that it is there, its partitions and offsets.
    Describe,
    /// See a topic's configs.
    DescribeConfigs,
    /// Change a topic's configs.
    AlterConfigs,
}

impl Operation {
    /// As `kafka-acls.sh --operation` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Create => "Create",
            Self::Alter => "Alter",
            Self::Describe => "Describe",
            Self::DescribeConfigs => "DescribeConfigs",
            Self::AlterConfigs => "AlterConfigs",
        }
    }

    /// The number of the Kafka protocol.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Read => 3,
            Self::Write => 4,
            Self::Create => 5,
            Self::Alter => 7,
            Self::Describe => 8,
            Self::DescribeConfigs => 10,
            Self::AlterConfigs => 11,
        }
    }

    /// Whether who may not even see a thing lacks this one.
    pub(crate) fn allows_describe(self) -> bool {
        matches!(self, Self::Read | Self::Write | Self::Alter | Self::Describe)
    }
}

/// What it is about; names are literal, never prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A topic.
    Topic(&'static str),
    /// A consumer group.
    Group(&'static str),
}

impl Resource {
    /// `topic` or `group`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Topic(_) => "topic",
            Self::Group(_) => "group",
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Topic(name) | Self::Group(name) => name,
        }
    }
}

/// One right of one role on one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acl {
    /// Who needs it.
    pub role: &'static str,
    /// On what.
    pub resource: Resource,
    /// To do what.
    pub operation: Operation,
}

impl fmt::Display for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.operation.name(), self.resource.kind(), self.resource.name())
    }
}

/// A role, or commands that share a user, and what the role is for.
pub const ROLES: &[(&str, &str)] = &[
    ("gateway", "the gateway"),
    ("notifier", "the notifier"),
    ("warehouse", "the warehouse"),
    ("setup", "`topics plan` and `topics apply`"),
    ("operator", "`tail`, `dead`, `resume` and `warehouse forget`"),
    ("doctor", "`doctor`"),
];

const fn topic(role: &'static str, name: &'static str, operation: Operation) -> Acl {
    Acl { role, resource: Resource::Topic(name), operation }
}

const fn group(role: &'static str, name: &'static str, operation: Operation) -> Acl {
    Acl { role, resource: Resource::Group(name), operation }
}

/// Beside what follows from the list of topics, see [`acls`]. An idempotent producer needs no more than `Write` on its
/// topics, from Kafka 3.0 on.
const SERVICES: &[Acl] = &[
    topic("gateway", "okr.events", Operation::Write),
    topic("gateway", "okr.events", Operation::DescribeConfigs),
    topic("gateway", "okr.arrivals", Operation::Write),
    topic("gateway", "okr.arrivals", Operation::DescribeConfigs),
    topic("gateway", "okr.dead.gateway", Operation::Write),
    topic("gateway", "okr.dead.gateway", Operation::DescribeConfigs),
    topic("gateway", "okr.pending", Operation::Write),
    topic("gateway", "okr.pending", Operation::DescribeConfigs),
    topic("notifier", "okr.events", Operation::Read),
    topic("notifier", "okr.replay.notifier", Operation::Read),
    topic("notifier", "okr.dead.notifier", Operation::Write),
    group("notifier", "okr.notifier", Operation::Read),
    group("notifier", "okr.notifier.replay", Operation::Read),
    topic("warehouse", "okr.events", Operation::Read),
    topic("warehouse", "okr.dead.warehouse", Operation::Write),
    group("warehouse", "okr.warehouse", Operation::Read),
    topic("operator", "okr.replay.notifier", Operation::Write),
    topic("operator", "okr.audit", Operation::Write),
    group("doctor", "okr.notifier", Operation::Describe),
    group("doctor", "okr.notifier.replay", Operation::Describe),
    group("doctor", "okr.warehouse", Operation::Describe),
];

/// What commands need on every topic.
const ON_EVERY_TOPIC: &[(&str, &[Operation])] = &[
    ("setup", &[Operation::Create, Operation::Alter, Operation::AlterConfigs]),
    // Until when Kafka holds a person's records is said by the topics' configs.
    ("operator", &[Operation::Read, Operation::DescribeConfigs]),
    ("doctor", &[Operation::Describe, Operation::DescribeConfigs]),
];

/// The least that a role of [`ROLES`] needs, and all that it needs; sorted.
pub fn acls(role: &str) -> Vec<Acl> {
    let mut all: Vec<Acl> = SERVICES.iter().copied().filter(|acl| acl.role == role).collect();
    for (whose, operations) in ON_EVERY_TOPIC.iter().filter(|(whose, _)| *whose == role) {
        for known in crate::TOPICS {
            all.extend(operations.iter().map(|operation| topic(whose, known.name, *operation)));
        }
    }
    all.sort_by_key(|acl| (acl.resource, acl.operation));
    all
}
