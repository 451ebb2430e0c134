//! Conditions: whether an event is one that a route asks for. Strict: what an event does not say is never guessed.

use std::{fmt, sync::LazyLock};

use minijinja::{Environment, Expression, UndefinedBehavior, Value};

use crate::{EventView, ExpressionError, expression, scan};

/// Where conditions run: a missing value is an error as soon as it is touched.
static STRICT: LazyLock<Environment<'static>> =
    LazyLock::new(|| expression::environment(UndefinedBehavior::Strict));

/// Where the arguments of `has` are looked up: a missing value, or one of its fields, is simply not there.
static LENIENT: LazyLock<Environment<'static>> =
    LazyLock::new(|| expression::environment(UndefinedBehavior::Chainable));

/// A compiled condition over `event`, such as `event.department == 'sales' and event.progress < 0.3`.
///
/// `and` and `or` stop at the first side that decides. `has(event.progress)` asks whether a value is there, at any
/// depth and without touching it. Attributes are text: write `event.attributes.points | float > 3`.
pub struct Condition {
    source: String,
    expression: Expression<'static, 'static>,
    probes: Vec<Expression<'static, 'static>>,
}

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
        let tokens = scan::tokens(source, 0..source.len());
        let mut rewritten = String::with_capacity(source.len());
        let mut probes = Vec::new();
        let mut copied = 0;
        for scan::Probe { call, argument } in scan::probes(source, &tokens) {
            // Each probe becomes a variable that is looked up beforehand. Line breaks stay, so that lines keep their
            // numbers.
            rewritten.push_str(&source[copied..call.start]);
            rewritten.push('(');
            rewritten.push_str(&probe_name(probes.len()));
            rewritten.extend(source[call.clone()].matches('\n'));
            rewritten.push(')');
            copied = call.end;
            let before = source[..argument.start].matches('\n').count();
            let probe = "\n".repeat(before) + &source[argument];
            probes.push(LENIENT.compile_expression_owned(probe)?);
        }
        rewritten.push_str(&source[copied..]);
        let expression = STRICT.compile_expression_owned(rewritten)?;
        expression::check_names(&STRICT, source, &tokens)?;
        let paths = probes.iter().chain([&expression]).flat_map(|part| part.undeclared_variables(true));
        expression::check_paths(source, paths, |name| name.starts_with(PROBE))?;
        Ok(Self { source: source.to_owned(), expression, probes })
    }

    /// Whether the event matches.
    pub fn matches(&self, event: &EventView) -> Verdict {
        let context = if self.probes.is_empty() {
            event.root()
        } else {
            event.with(self.probes.iter().enumerate().map(|(at, probe)| {
                let there = probe.eval(event.root()).is_ok_and(|value| expression::says_something(&value));
                (probe_name(at), Value::from(there))
            }))
        };
        match self.expression.eval(context) {
            Ok(value) if value.is_undefined() => Verdict::Unknown("the value is missing".to_owned()),
            Ok(value) if value.is_true() => Verdict::Yes,
            Ok(_) => Verdict::No,
            Err(error) => Verdict::Unknown(expression::reason(&error)),
        }
    }
}

const PROBE: &str = "__has_";

fn probe_name(at: usize) -> String {
    format!("{PROBE}{at}")
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

#[cfg(test)]
mod tests;
