//! Who did what to the running system.

use std::collections::BTreeMap;

use okr::time::micros;
use serde::{Deserialize, Serialize};

/// One entry of `okr.audit`. The names and the order of the enums' variants are those of `schemas/audit.avsc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Tells this record from every other one; a UUID.
    pub audit_id: String,
    /// The same in all records of one run; for a redrive also its `okr-replay-id`.
    pub run: String,
    /// When it was written.
    #[serde(with = "micros")]
    pub at: jiff::Timestamp,
    /// Who asked for it, as they said.
    pub who: String,
    /// What was done.
    pub verb: Verb,
    /// How far it is.
    pub stage: Stage,
    /// What it was done to, such as `okr.dead.notifier`; the key of the record.
    pub object: String,
    /// The reason, in the words of whoever asked for it.
    pub why: String,
    /// How many of what.
    #[serde(default)]
    pub counts: BTreeMap<String, i64>,
    /// What else there is to know.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Something that this release does not know.
    #[default]
    Unknown,
    /// Dead letters went back to the service and target that gave them up.
    Redrive,
    /// Dead letters were marked as not wanted any more.
    Drop,
    /// A halted service was told to go on.
    Resume,
    /// History went into a service again.
    Replay,
    /// History was delivered to people again.
    Resend,
    /// Something was passed over.
    Skip,
    /// A rule was silenced.
    Silence,
    /// An endpoint was made, changed or removed.
    EndpointChange,
    /// A source was allowed to register, for a time.
    SourceOpen,
    /// What a source learned when it registered was forgotten.
    SourceForget,
    /// A person was taken out of the warehouse.
    PersonForget,
    /// The warehouse's tables were filled anew from `okr.events`.
    WarehouseRebuild,
}

/// How far it is. What was begun and never finished was cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Something that this release does not know.
    #[default]
    Unknown,
    /// It is about to be done.
    Begun,
    /// It is done.
    Finished,
}
