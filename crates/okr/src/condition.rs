//! Conditions: whether an event is one that a route asks for. Strict: what an event does not say is never guessed.

use std::{fmt, sync::LazyLock};

use minijinja::{Environment, UndefinedBehavior};

use crate::{EventView, ExpressionError, expression, strict::Strict};

/// Where conditions run: a missing value is an error as soon as it is touched.
static STRICT: LazyLock<Environment<'static>> =
    LazyLock::new(|| expression::environment(UndefinedBehavior::Strict));

/// A compiled condition over `event`, such as `event.department == 'sales' and event.progress < 0.3`.
///
/// `and` and `or` stop at the first side that decides. `has(event.progress)` asks whether a value is there, at any
/// depth and without touching it. Attributes are text: write `event.attributes.points | float > 3`.
pub struct Condition(Strict);

/// What a condition says about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Yes,
    /// It does not hold.
    No,
    /// It touched a value that the event does not have, or could not be worked out; it never matches, and the caller
    /// counts it. The text says why and may hold names of fields, never their values.
    Unknown(String),
}

impl Condition {
    /// Compiles a condition. Wrong syntax, and variables, fields, functions, filters or tests that do not exist, are
    /// refused here.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let strict = Strict::compile(source, &STRICT)?;
        expression::check_paths(source, strict.paths())?;
        Ok(Self(strict))
    }

    /// Whether the event matches.
    pub fn matches(&self, event: &EventView) -> Verdict {
        match self.0.eval(event.root(), |more| event.with(more)) {
            Ok(value) if value.is_undefined() => Verdict::Unknown("the value is missing".to_owned()),
            Ok(value) if value.is_true() => Verdict::Yes,
            Ok(_) => Verdict::No,
            Err(error) => Verdict::Unknown(expression::reason(&error)),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.0.source()).finish()
    }
}

#[cfg(test)]
mod tests;
