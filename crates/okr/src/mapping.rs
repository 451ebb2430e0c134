//! Mappings: what an expression takes out of a delivery that is not an event yet.

use std::{collections::BTreeMap, fmt, sync::LazyLock};

use jiff::Timestamp;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, value::ValueKind};

use crate::{ExpressionError, expression, scan, strict::Strict};

/// As conditions run, and with filters for the clocks of tools.
static STRICT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = expression::environment(UndefinedBehavior::Strict);
    environment.add_filter("seconds", |value: Value| moment(&value, 1000.0));
    environment.add_filter("millis", |value: Value| moment(&value, 1.0));
    environment
});

/// A variable that a mapping may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// The parsed body.
    Body,
    /// One item of the list that gives an event each.
    Item,
    /// The headers of the request, each under the name that the mapping writes.
    Headers,
}

impl Root {
    /// The variable's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Item => "item",
            Self::Headers => "headers",
        }
    }
}

/// The variables of one evaluation.
#[derive(Debug, Clone)]
pub struct Scope {
    fields: BTreeMap<String, Value>,
    root: Value,
}

impl Scope {
    /// Variables with their values; nulls are left out of maps by whoever made them.
    pub fn new(variables: impl IntoIterator<Item = (Root, Value)>) -> Self {
        let fields: BTreeMap<String, Value> =
            variables.into_iter().map(|(root, value)| (root.name().to_owned(), value)).collect();
        let root = Value::from(fields.clone());
        Self { fields, root }
    }

    /// The same with one more variable, or another value of it.
    #[must_use]
    pub fn with(&self, root: Root, value: Value) -> Self {
        let mut fields = self.fields.clone();
        fields.insert(root.name().to_owned(), value);
        Self { root: Value::from(fields.clone()), fields }
    }

    /// Whether a dotted path begins with a variable; functions are no variables.
    fn knows(&self, path: &str) -> bool {
        path.split('.').next().is_some_and(|name| self.fields.contains_key(name))
    }
}

/// A compiled expression over a delivery, such as `item.kr.value / item.kr.goal`.
///
/// As conditions it is strict: whatever touches a missing value is missing itself, and `has(x)` asks. Times that a
/// tool writes as numbers become text with `seconds` and `millis`.
pub struct Mapping(Strict);

impl Mapping {
    /// Compiles an expression that may read `roots`. Wrong syntax, other variables, and functions, filters or tests
    /// that do not exist are refused; so are headers that are not named outright, for only those are kept.
    pub fn compile(source: &str, roots: &[Root]) -> Result<Self, ExpressionError> {
        let strict = Strict::compile(source, &STRICT)?;
        expression::check_variables(source, strict.paths(), |path| {
            let name = path.split('.').next().unwrap_or_default();
            if roots.iter().any(|root| root.name() == name) {
                return Ok(());
            }
            let known: Vec<String> = roots.iter().map(|root| format!("`{}`", root.name())).collect();
            Err(format!("there is no `{name}` here, only {}", known.join(", ")))
        })?;
        scan::headers(source).map_err(|message| ExpressionError { message, line: None })?;
        Ok(Self(strict))
    }

    /// As it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        self.0.source()
    }

    /// The headers that it reads, as it writes their names.
    #[must_use]
    pub fn headers(&self) -> Vec<String> {
        scan::headers(self.0.source()).unwrap_or_default()
    }

    /// Works it out. `None`: it touched a value that is not there.
    ///
    /// # Errors
    /// It cannot be worked out over these values, such as a text divided by a number.
    pub fn value(&self, scope: &Scope) -> Result<Option<Value>, ExpressionError> {
        let with = |more: &mut dyn Iterator<Item = (String, Value)>| {
            let mut fields = scope.fields.clone();
            fields.extend(more);
            Value::from(fields)
        };
        match self.0.eval(scope.root.clone(), with) {
            Ok(value) => Ok(Some(value).filter(expression::says_something)),
            // Arithmetic with a missing value is another error than touching one of its fields.
            Err(error) if error.kind() == ErrorKind::UndefinedError || self.lacks(scope) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether something that it reads outside of `has(…)` is not there.
    fn lacks(&self, scope: &Scope) -> bool {
        let there = |path: &str| {
            let step =
                |value: Value, name: &str| value.get_attr(name).ok().filter(expression::says_something);
            path.split('.').try_fold(scope.root.clone(), step).is_some()
        };
        self.0.reads().iter().any(|path| scope.knows(path) && !there(path))
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mapping").field(&self.source()).finish()
    }
}

/// A count since 1970, whole or not, as a number or as text, becomes RFC 3339. `unit_ms` is one in milliseconds.
fn moment(value: &Value, unit_ms: f64) -> Result<Value, Error> {
    let count = match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        ValueKind::String => value.as_str().and_then(crate::progress::number),
        _ => None,
    };
    let micros = count.map(|count| (count * unit_ms * 1000.0).round());
    // What a float cannot hold exactly as microseconds is centuries away from any goal.
    let micros = micros.filter(|micros| micros.abs() < 9e15);
    let time = micros.and_then(|micros| Timestamp::from_microsecond(micros as i64).ok());
    time.map(|time| Value::from(time.to_string()))
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "is no count of time since 1970"))
}

#[cfg(test)]
mod tests;
