//! Compatibility levels: which of the two directions hold, and against which versions.

use serde::{Deserialize, Serialize};

/// Confluent's levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Level {
    None,
    Backward,
    BackwardTransitive,
    Forward,
    ForwardTransitive,
    Full,
    FullTransitive,
}

/// Says why data written with the second schema cannot be read with the first; `Ok` when it can.
pub(super) type Reads = fn(&str, &str) -> Result<(), Vec<String>>;

impl Level {
    /// Reads a level in any case.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_value(text.to_uppercase().into()).ok()
    }

    /// What is wrong with `new` after the versions in `old`, oldest first; empty when nothing is.
    pub fn problems(self, new: &str, old: &[&str], reads: Reads) -> Vec<String> {
        let from = match self {
            Self::None => old.len(),
            Self::Backward | Self::Forward | Self::Full => old.len().saturating_sub(1),
            Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive => 0,
        };
        let backward = !matches!(self, Self::Forward | Self::ForwardTransitive);
        let forward = !matches!(self, Self::Backward | Self::BackwardTransitive);
        let mut problems = Vec::new();
        for old in old.iter().skip(from) {
            if backward {
                problems.extend(reads(new, old).err().into_iter().flatten());
            }
            if forward {
                problems.extend(reads(old, new).err().into_iter().flatten());
            }
        }
        problems
    }
}
