//! The compiled routes: which destinations an event goes to, and in what words.

use std::collections::HashSet;

use okr::{Condition, DEFAULT_TEMPLATE, EventView, ExpressionError, Template, Verdict};

use crate::RouteConfig;

/// All routes in their order.
#[derive(Debug)]
pub struct Routes(Vec<Route>);

/// Which events go where, and in what words.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    when: Option<Condition>,
    /// Each destination once.
    pub(crate) to: Vec<String>,
    pub(crate) template: Template,
}

/// The route that has an event, and those that could not say whether they want it.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    pub(crate) route: Option<&'a Route>,
    pub(crate) unknown: Vec<&'a str>,
}

/// A route that cannot be used: the start stops, and a person mends the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {problem}")]
pub struct RouteError {
    /// The key at fault, such as `routes[0].when`; look its line up in the document.
    pub path: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl Routes {
    /// Compiles the routes against the names of all destinations. Fails with everything that is wrong: a condition or
    /// template that does not compile, a destination that is not there, none at all, a name that is empty or taken.
    pub fn compile(configs: &[RouteConfig], destinations: &[String]) -> Result<Self, Vec<RouteError>> {
        let mut errors = Vec::new();
        let mut names = HashSet::new();
        let mut routes = Vec::new();
        for (at, config) in configs.iter().enumerate() {
            let mut refuse = |key: &str, problem: String| {
                errors.push(RouteError { path: format!("routes[{at}].{key}"), problem });
            };
            if config.name.trim().is_empty() {
                refuse("name", "must not be empty".into());
            } else if !names.insert(config.name.as_str()) {
                refuse("name", format!("another route is called `{}` already", config.name));
            }
            if config.to.is_empty() {
                refuse("to", "names no destination".into());
            }
            for target in config.to.iter().filter(|target| !destinations.contains(target)) {
                refuse("to", no_destination(target, destinations));
            }
            let when = config.when.as_deref().map(Condition::compile).transpose();
            let template = Template::compile(config.template.as_deref().unwrap_or(DEFAULT_TEMPLATE));
            match (when, template) {
                (Ok(when), Ok(template)) => {
                    routes.push(Route { name: config.name.clone(), when, to: once(&config.to), template });
                }
                (when, template) => {
                    let wrong = [("when", when.err()), ("template", template.err())];
                    wrong.into_iter().for_each(|(key, error)| {
                        error.into_iter().for_each(|error| refuse(key, in_words(&error)));
                    });
                }
            }
        }
        if errors.is_empty() { Ok(Self(routes)) } else { Err(errors) }
    }

    /// The first route that matches. A condition that touches what the event does not say never matches.
    pub(crate) fn choose(&self, event: &EventView) -> Choice<'_> {
        let mut unknown = Vec::new();
        let route = self.0.iter().find(|route| match route.when.as_ref().map(|when| when.matches(event)) {
            None | Some(Verdict::Yes) => true,
            Some(Verdict::No) => false,
            Some(Verdict::Unknown(why)) => {
                tracing::debug!(
                    route = route.name,
                    why,
                    "route {} cannot say whether it matches",
                    route.name
                );
                unknown.push(route.name.as_str());
                false
            }
        });
        Choice { route, unknown }
    }

    /// The route whose words a target gets that is named: the first that matches and goes there, or else the first that
    /// goes there, for what was planned before the routes were changed is still wanted.
    pub(crate) fn choose_for(&self, event: &EventView, target: &str) -> Choice<'_> {
        let goes_there = |route: &&Route| route.to.iter().any(|name| name == target);
        let matches = |route: &&Route| {
            route.when.as_ref().is_none_or(|when| matches!(when.matches(event), Verdict::Yes))
        };
        let first = self.0.iter().filter(goes_there).find(matches);
        Choice { route: first.or_else(|| self.0.iter().find(goes_there)), unknown: Vec::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none, so that nothing is ever delivered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One message per target, however often a route names it.
fn once(names: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    names.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
}

fn no_destination(target: &str, destinations: &[String]) -> String {
    let distance = |name: &String| strsim::damerau_levenshtein(name, target);
    let nearest = destinations.iter().min_by_key(|name| distance(name));
    match nearest {
        None => format!("there is no destination `{target}`; none is configured"),
        Some(name) if distance(name) <= 1 + target.len() / 3 => {
            format!("there is no destination `{target}`, did you mean `{name}`?")
        }
        Some(_) => format!("there is no destination `{target}`, but {}", destinations.join(", ")),
    }
}

fn in_words(error: &ExpressionError) -> String {
    match error.line {
        // A single line needs no number.
        Some(line) if line > 1 => format!("line {line} of it: {}", error.message),
        _ => error.message.clone(),
    }
}
