//! What conditions and templates have in common: the environment they run in and what makes one wrong at the start.

use minijinja::{Environment, ErrorKind, Value};

use crate::{scan, view};

/// Work that one run may do. An instruction costs 1 and so do 64 bytes of text; the largest event needs a tenth.
const FUEL: u64 = 100_000;

/// Functions that an expression may call.
const FUNCTIONS: &[&str] = &["has", "range", "dict"];

/// Filters whose output would pass for already escaped, and those that only mean HTML.
const UNSAFE_FILTERS: &[&str] = &["safe", "escape", "e", "tojson", "urlencode"];

/// Why an expression or a template cannot be used. It is found when it is compiled, never while events flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    /// What is wrong, lower case and without a full stop.
    pub message: String,
    /// The line within the expression's own source, the first is 1.
    pub line: Option<usize>,
}

impl std::fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ExpressionError {}

impl From<minijinja::Error> for ExpressionError {
    fn from(error: minijinja::Error) -> Self {
        Self { message: reason(&error), line: error.line() }
    }
}

/// The reason alone, without the place: minijinja's own text names a template that only exists in memory.
pub(crate) fn reason(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// An environment with what every expression may use, and nothing that reads or writes outside of it.
pub(crate) fn environment(undefined: minijinja::UndefinedBehavior) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    environment.set_fuel(Some(FUEL));
    for filter in UNSAFE_FILTERS {
        environment.remove_filter(filter);
    }
    environment.remove_global("debug");
    environment.remove_global("namespace");
    environment
}

/// Whether a looked-up value says something.
pub(crate) fn says_something(value: &Value) -> bool {
    !value.is_undefined() && !value.is_none()
}

/// Refuses filters and tests that do not exist; minijinja would find out only when the line runs.
pub(crate) fn check_names(
    environment: &Environment<'_>,
    source: &str,
    tokens: &[scan::Token],
) -> Result<(), ExpressionError> {
    let mut state = environment.empty_state();
    for name in scan::filters(source, tokens) {
        let missing = state.apply_filter(name, &[]).is_err_and(|e| e.kind() == ErrorKind::UnknownFilter);
        if missing {
            return Err(at(source, name, format!("there is no filter `{name}`")));
        }
    }
    for name in scan::tests(source, tokens) {
        let missing = state.perform_test(name, &[]).is_err_and(|e| e.kind() == ErrorKind::UnknownTest);
        if missing {
            return Err(at(source, name, format!("there is no test `{name}`")));
        }
    }
    Ok(())
}

/// Refuses variables and fields that no event has: they would be missing for ever, and a condition unknown for ever.
/// `paths` are dotted, as minijinja lists them.
pub(crate) fn check_paths(
    source: &str,
    paths: impl IntoIterator<Item = String>,
) -> Result<(), ExpressionError> {
    check_variables(source, paths, view::check_path)
}

/// Refuses what `check` says no to, and functions that do not exist.
pub(crate) fn check_variables(
    source: &str,
    paths: impl IntoIterator<Item = String>,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<(), ExpressionError> {
    let mut paths: Vec<String> = paths.into_iter().collect();
    paths.sort(); // They come out of a hash set; the same mistake must always give the same message.
    for path in paths {
        if FUNCTIONS.contains(&path.as_str()) {
            continue;
        }
        if let Err(message) = check(&path) {
            return Err(at(source, &path, message));
        }
    }
    Ok(())
}

fn at(source: &str, name: &str, message: String) -> ExpressionError {
    let line = source.find(name).map(|at| source[..at].matches('\n').count() + 1);
    ExpressionError { message, line }
}
