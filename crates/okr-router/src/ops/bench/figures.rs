//! Many measurements of one thing, and what is demanded of it.

use serde_json::{Value, json};

/// The one in the middle, and the ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    /// Of nothing it is all zeros.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let last = values.len().saturating_sub(1);
        Self { median: f64::midpoint(at(last / 2), at(last.div_ceil(2))), least: at(0), most: at(last) }
    }

    pub fn json(&self) -> Value {
        json!({ "median": self.median, "min": self.least, "max": self.most })
    }
}

/// One line of the bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub name: &'static str,
    pub measured: f64,
    pub bound: f64,
    /// The bound is the least that is wanted, else the most.
    pub at_least: bool,
}

impl Bar {
    /// Whether it is met.
    pub fn is_met(&self) -> bool {
        if self.at_least { self.measured >= self.bound } else { self.measured <= self.bound }
    }

    pub fn json(&self) -> Value {
        json!({ "name": self.name, "measured": self.measured, "bound": self.bound, "at_least": self.at_least,
                "met": self.is_met() })
    }
}
