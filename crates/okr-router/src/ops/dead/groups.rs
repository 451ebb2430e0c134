//! Dead letters counted by what they have in common. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{letter::Letter, marks::State};

/// What the letters of a group have in common.
type Kind = (String, Option<String>, String, Option<String>);

/// Counts by service, target, reason and department.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups(BTreeMap<Kind, Group>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Group {
    letters: u64,
    redriven: u64,
    dropped: u64,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
}

const COLUMNS: [&str; 9] =
    ["SERVICE", "TARGET", "REASON", "DEPARTMENT", "LETTERS", "REDRIVEN", "DROPPED", "OLDEST", "NEWEST"];

impl Groups {
    /// Counts one letter.
    pub fn add(&mut self, letter: &Letter, state: State<'_>) {
        let kind =
            (letter.service.clone(), letter.target.clone(), letter.reason.clone(), letter.department.clone());
        let group = self.0.entry(kind).or_default();
        group.letters += 1;
        group.redriven += u64::from(matches!(state, State::Redriven(_)));
        group.dropped += u64::from(matches!(state, State::Dropped(_)));
        if let Some(at) = letter.at {
            group.oldest = Some(group.oldest.map_or(at, |oldest| oldest.min(at)));
            group.newest = Some(group.newest.map_or(at, |newest| newest.max(at)));
        }
    }

    /// How many letters there are.
    pub fn letters(&self) -> u64 {
        self.0.values().map(|group| group.letters).sum()
    }

    /// How many of them were redriven before.
    pub fn redriven(&self) -> u64 {
        self.0.values().map(|group| group.redriven).sum()
    }

    /// Targets with their letters.
    pub fn targets(&self) -> BTreeMap<&str, u64> {
        let mut targets = BTreeMap::new();
        for ((_, target, ..), group) in &self.0 {
            if let Some(target) = target {
                *targets.entry(target.as_str()).or_default() += group.letters;
            }
        }
        targets
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let row = |((service, target, reason, department), group): (&Kind, &Group)| {
            json!({
                "service": service, "target": target, "reason": reason, "department": department,
                "letters": group.letters, "redriven": group.redriven, "dropped": group.dropped,
                "oldest": group.oldest.map(|at| at.to_string()), "newest": group.newest.map(|at| at.to_string()),
            })
        };
        self.0.iter().map(row).collect()
    }

    /// For people: a line per group under the columns' names, or nothing.
    pub fn table(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut rows = vec![COLUMNS.map(str::to_owned)];
        for ((service, target, reason, department), group) in &self.0 {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"));
            rows.push([
                service.clone(),
                or_dash(target),
                reason.clone(),
                or_dash(department),
                group.letters.to_string(),
                group.redriven.to_string(),
                group.dropped.to_string(),
                time(group.oldest),
                time(group.newest),
            ]);
        }
        aligned(&rows)
    }
}

/// Columns of equal width, two blanks between them.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
