//! Templates: what a message says about an event. Chainable: what an event does not say renders as nothing.

use std::fmt;

use minijinja::{
    AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value,
    value::{Object, ValueKind},
};

use crate::{EventView, ExpressionError, expression, progress, scan};

/// What a route without a template says: title, percent, owner. What is missing leaves no gap: the title falls back to
/// type and id, the percent to what happened, the owner to the address.
pub const DEFAULT_TEMPLATE: &str = "\
{{ event.subject.title or (event.subject.type | replace('_', ' ')) ~ ' ' ~ event.subject.id }}\
{% if has(event.progress) %} is at {{ event.progress | percent }}\
{% elif event.change != 'unknown' %}: {{ event.change | replace('_', ' ') }}{% endif %}\
{% set owner = event.owner.name or event.owner.email %}{% if owner %} ({{ owner }}){% endif %}";

const NAME: &str = "template";
const ESCAPE: &str = "__escape";

/// A compiled template such as `*{{ event.subject.title }}* is at {{ event.progress | percent }}`.
///
/// `percent` turns 0.42 into `42%`; `has(x)` asks whether a value is there.
pub struct Template {
    source: String,
    environment: Environment<'static>,
}

impl Template {
    /// Compiles a template. Wrong syntax, and variables, fields, functions, filters or tests that do not exist, are
    /// refused here.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let mut environment = expression::environment(UndefinedBehavior::Chainable);
        environment.add_filter("percent", percent);
        environment.add_function("has", |value: Option<Value>| value.is_some());
        // With an escape of its own, minijinja marks captured blocks as already escaped, and `put_in` leaves them be.
        environment.set_auto_escape_callback(|_| AutoEscape::Custom("channel".into()));
        environment.set_formatter(put_in);
        environment.add_template_owned(NAME, source.to_owned())?;
        for span in scan::code(source) {
            expression::check_names(&environment, source, &scan::tokens(source, span))?;
        }
        let paths = environment.get_template(NAME)?.undeclared_variables(true);
        expression::check_paths(source, paths)?;
        Ok(Self { source: source.to_owned(), environment })
    }

    /// Renders the template. Each value is passed through `escape` as it is put in; the template's own text is not.
    /// The error is a fault that only this event shows, such as a number divided by text.
    pub fn render(&self, event: &EventView, escape: fn(&str) -> String) -> Result<String, ExpressionError> {
        let context = event.with([(ESCAPE.to_owned(), Value::from_object(Escape(escape)))]);
        Ok(self.environment.get_template(NAME)?.render(context)?)
    }
}

#[derive(Debug)]
struct Escape(fn(&str) -> String);

impl Object for Escape {}

fn put_in(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if !expression::says_something(value) {
        return Ok(());
    }
    let text = shown(value);
    if value.is_safe() {
        return out.write_str(&text).map_err(Error::from);
    }
    let escape = state.lookup(ESCAPE);
    match escape.as_ref().and_then(|escape| escape.downcast_object_ref::<Escape>()) {
        Some(Escape(escape)) => out.write_str(&escape(&text)).map_err(Error::from),
        None => Err(Error::new(minijinja::ErrorKind::BadEscape, "a value could not be escaped")),
    }
}

/// Numbers as people write them: six decimals at most, none where they are zero.
fn shown(value: &Value) -> String {
    let fraction = value.kind() == ValueKind::Number && !value.is_integer();
    match f64::try_from(value.clone()) {
        Ok(number) if fraction && number.is_finite() => {
            let text = format!("{number:.6}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            if text == "-0" { "0".to_owned() } else { text.to_owned() }
        }
        _ => value.to_string(),
    }
}

/// `0.42` → `42%`. What is missing stays missing, and text that is no number stays as it is.
fn percent(value: Value) -> Value {
    let number = match value.as_str() {
        Some(text) => progress::number(text),
        None if value.kind() == ValueKind::Number => f64::try_from(value.clone()).ok(),
        None => None,
    };
    match number.filter(|number| number.is_finite()) {
        // Adding zero turns -0 into 0.
        Some(number) => Value::from(format!("{}%", (number * 100.0).round() + 0.0)),
        None => value,
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

#[cfg(test)]
mod tests;
