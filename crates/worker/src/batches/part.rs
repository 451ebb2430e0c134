//! One partition of a member that works in batches, and whether what comes can follow what is contained.

use std::collections::{BTreeMap, VecDeque};

use bus::InRecord;

use crate::job::Verdict;
use crate::progress::Last;

/// Whether what comes next is known to follow what is contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footing {
    /// The last record has not been seen again yet.
    Unsure,
    /// The position was out of range: exactly the next offset must come.
    Torn,
    Firm,
}

#[derive(Debug)]
pub struct Part {
    pub epoch: i64,
    /// Where the state stands.
    pub next: i64,
    pub last: Option<Last>,
    /// The offset that is expected from Kafka.
    pub position: i64,
    pub footing: Footing,
    pub queue: VecDeque<InRecord>,
    pub condemned: BTreeMap<i64, Verdict>,
    pub draining: bool,
}

impl Part {
    /// Whether the record is new (true) or the last one once more (false). An error: the slot's offsets do not mean
    /// what they meant, or records are gone that were never read.
    pub fn follows(&self, record: &InRecord, blind: bool) -> Result<bool, String> {
        let offset = record.offset;
        match (self.footing, self.last) {
            _ if blind => Ok(self.last.is_none_or(|last| offset > last.offset)),
            (Footing::Unsure, Some(last)) if offset == last.offset => {
                let same = Last::of(record) == last;
                same.then_some(false).ok_or_else(|| "the last record is not the one that was read".to_owned())
            }
            (Footing::Unsure | Footing::Torn, _) if offset > self.position => {
                Err(format!("the records from {} on are gone", self.position))
            }
            (_, _) if offset < self.position => {
                Err(format!("{} was expected: the topic was made anew", self.position))
            }
            _ => Ok(true),
        }
    }
}
