//! TOML text to a tree, with the line of everything.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tree::{Node, Place, Value};

/// A place and what is wrong there.
pub(super) type Fault = (Place, String);

/// Reads a file. Syntax errors come all at once, one a line.
pub(super) fn parse_file(text: &str) -> Result<Node, Vec<Fault>> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut faults: Vec<Fault> = Vec::new();
    for error in errors {
        let place = error.span().map_or(Place::File, |span| lines.place(&span));
        // After a mistake the parser stumbles on over the same line: only its first word is of use.
        if faults.iter().all(|(before, _)| *before != place) {
            faults.push((place, plain(error.message())));
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut reader = Reader { at: |span: &Range<usize>| lines.place(span), faults };
    let root = reader.table(table.get_ref());
    if reader.faults.is_empty() { Ok(Node::new(root, Place::File)) } else { Err(reader.faults) }
}

/// Reads one value as the right side of `key = …`; `None` if it is not TOML.
pub(super) fn parse_value(text: &str, place: &Place) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    let mut reader = Reader { at: |_: &Range<usize>| place.clone(), faults: Vec::new() };
    let node = Node::new(reader.value(value.get_ref(), place)?, place.clone());
    reader.faults.is_empty().then_some(node)
}

/// The parser's words, with the two mistakes that people make most in plain ones.
fn plain(message: &str) -> String {
    match message {
        "duplicate key" => "this key is given twice; keep one of them".to_owned(),
        _ => format!("not valid TOML: {message}"),
    }
}

struct Reader<At> {
    at: At,
    faults: Vec<Fault>,
}

impl<At: Fn(&Range<usize>) -> Place> Reader<At> {
    fn table(&mut self, table: &DeTable<'_>) -> Value {
        let mut nodes = std::collections::BTreeMap::new();
        for (key, value) in table {
            let place = (self.at)(&key.span());
            if let Some(read) = self.value(value.get_ref(), &place) {
                nodes.insert(key.get_ref().to_string(), Node::new(read, place));
            }
        }
        Value::Table(nodes)
    }

    fn item(&mut self, item: &Spanned<DeValue<'_>>) -> Option<Node> {
        let place = (self.at)(&item.span());
        Some(Node::new(self.value(item.get_ref(), &place)?, place))
    }

    fn value(&mut self, value: &DeValue<'_>, place: &Place) -> Option<Value> {
        Some(match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Datetime(time) => Value::Time(time.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => return self.refuse(place, "this whole number is too large"),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => Value::Number(number),
                _ => return self.refuse(place, "this number is not finite"),
            },
            DeValue::Array(items) => Value::List(items.iter().filter_map(|item| self.item(item)).collect()),
            DeValue::Table(table) => self.table(table),
        })
    }

    fn refuse(&mut self, place: &Place, why: &str) -> Option<Value> {
        self.faults.push((place.clone(), why.to_owned()));
        None
    }
}

struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn place(&self, span: &Range<usize>) -> Place {
        Place::Line(self.0.partition_point(|newline| *newline < span.start) + 1)
    }
}
