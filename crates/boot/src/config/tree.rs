//! The configuration as a tree in which each value knows where it was written.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Number(f64),
    Flag(bool),
    /// A TOML date or time. No key takes one, so only its text is kept, for the error.
    Time(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// Where a value was written. The order is the order in which findings are shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Nowhere in particular: the whole file.
    File,
    /// Line of the file, counted from 1.
    Line(usize),
    /// Name of the environment variable.
    Env(Arc<str>),
    /// The key as the command line sets it.
    Flag(Arc<str>),
}

/// A step from a table or list into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Name(String),
    Index(usize),
}

impl Place {
    /// In words; `origin` is the name of the file.
    pub(super) fn show(&self, origin: &str) -> String {
        match self {
            Self::File => origin.to_owned(),
            Self::Line(line) => format!("{origin}:{line}"),
            Self::Env(name) => format!("environment {name}"),
            Self::Flag(path) => format!("command line {path}"),
        }
    }
}

impl Node {
    pub(super) fn new(value: Value, place: Place) -> Self {
        Self { value, place }
    }

    pub(super) fn empty_table(place: Place) -> Self {
        Self::new(Value::Table(BTreeMap::new()), place)
    }

    pub(super) fn text(text: impl Into<String>, place: Place) -> Self {
        Self::new(Value::Text(text.into()), place)
    }

    /// The node that a path leads to.
    pub(super) fn get(&self, path: &[Step]) -> Option<&Self> {
        let Some((step, rest)) = path.split_first() else { return Some(self) };
        self.step(step)?.get(rest)
    }

    pub(super) fn step(&self, step: &Step) -> Option<&Self> {
        match (&self.value, step) {
            (Value::Table(table), Step::Name(name)) => table.get(name),
            (Value::List(list), Step::Index(index)) => list.get(*index),
            _ => None,
        }
    }

    /// Puts a node at a path and makes the tables on the way. What stands in the way is told by its path's length.
    pub(super) fn set(&mut self, path: &[Step], node: Self) -> Result<(), usize> {
        let Some((step, rest)) = path.split_first() else {
            *self = node;
            return Ok(());
        };
        let next = match (&mut self.value, step) {
            (Value::Table(table), Step::Name(name)) => {
                table.entry(name.clone()).or_insert_with(|| Self::vacant(rest, &node.place))
            }
            (Value::List(list), Step::Index(index)) if *index <= list.len() => {
                if *index == list.len() {
                    list.push(Self::vacant(rest, &node.place));
                }
                &mut list[*index]
            }
            _ => return Err(0),
        };
        next.set(rest, node).map_err(|length| length + 1)
    }

    fn vacant(rest: &[Step], place: &Place) -> Self {
        match rest.first() {
            Some(Step::Index(_)) => Self::new(Value::List(Vec::new()), place.clone()),
            _ => Self::empty_table(place.clone()),
        }
    }

    /// Whether anything in it comes from the environment or the command line.
    pub(super) fn is_overlaid(&self) -> bool {
        matches!(self.place, Place::Env(_) | Place::Flag(_))
            || match &self.value {
                Value::Table(table) => table.values().any(Self::is_overlaid),
                Value::List(list) => list.iter().any(Self::is_overlaid),
                _ => false,
            }
    }

    pub(super) fn table(&self) -> Option<&BTreeMap<String, Self>> {
        if let Value::Table(table) = &self.value { Some(table) } else { None }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        if let Value::List(list) = &self.value { Some(list) } else { None }
    }

    /// What it is, with its article.
    pub(super) fn what(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Integer(_) => "an integer",
            Value::Number(_) => "a number with a fraction",
            Value::Flag(_) => "a true or false",
            Value::Time(_) => "a date or time",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(&quoted(name)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A name as TOML writes it: bare if it may be.
pub(super) fn quoted(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        toml::Value::String(name.to_owned()).to_string()
    }
}

/// `sources.acme.secrets[0]`
pub(super) fn show_path(path: &[Step]) -> String {
    let mut shown = String::new();
    for step in path {
        if matches!(step, Step::Name(_)) && !shown.is_empty() {
            shown.push('.');
        }
        shown.push_str(&step.to_string());
    }
    shown
}

/// Reads what [`show_path`] writes: names, also quoted ones, with dots between them and `[0]` behind.
pub(super) fn read_path(text: &str) -> Vec<Step> {
    let mut path = Vec::new();
    let mut name = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            _ if quote == Some(c) => quote = None,
            _ if quote.is_some() => name.push(c),
            '"' | '\'' => quote = Some(c),
            '.' => finish(&mut path, &mut name),
            '[' => {
                finish(&mut path, &mut name);
                let inner: String = chars.by_ref().take_while(|c| *c != ']').collect();
                path.push(inner.parse().map_or(Step::Name(inner), Step::Index));
            }
            _ => name.push(c),
        }
    }
    finish(&mut path, &mut name);
    path
}

fn finish(path: &mut Vec<Step>, name: &mut String) {
    if !name.is_empty() {
        path.push(Step::Name(std::mem::take(name)));
    }
}
