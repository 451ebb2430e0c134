//! Whether a value is of the kind that its key asks for.

use std::net::SocketAddr;
use std::str::FromStr;

use crate::{Bytes, Kind, Rate, Span, UnitError};

use super::tree::{Node, Value};

/// What is wrong with a value for a key of this kind: the rest of a sentence that begins with the key.
/// It never shows a value that may be a secret.
pub(super) fn fault(kind: Kind, node: &Node) -> Option<String> {
    let fits = match (kind, &node.value) {
        (Kind::Text | Kind::Expression | Kind::Secret | Kind::TextOrSecret, Value::Text(_)) => true,
        (Kind::Integer, Value::Integer(_))
        | (Kind::Flag, Value::Flag(_))
        | (Kind::Table, Value::Table(_)) => true,
        (Kind::Number, Value::Integer(_) | Value::Number(_)) => true,
        (Kind::Bytes, Value::Integer(bytes)) => *bytes >= 0,
        (Kind::Span, Value::Text(text)) => return unit::<Span>(text),
        (Kind::Bytes, Value::Text(text)) => return unit::<Bytes>(text),
        (Kind::Rate, Value::Text(text)) => return unit::<Rate>(text),
        (Kind::Address, Value::Text(text)) if text.parse::<SocketAddr>().is_err() => {
            return Some(format!("must be {}, not `{text}`", kind.expected()));
        }
        (Kind::Address, Value::Text(_)) => true,
        (Kind::Choice(words), Value::Text(text)) if !words.contains(&text.as_str()) => {
            return Some(format!("must be {}, not `{text}`", kind.expected()));
        }
        (Kind::Choice(_), Value::Text(_)) => true,
        (Kind::Secret | Kind::TextOrSecret, Value::Table(_)) => is_reference(node),
        (Kind::Secrets, Value::List(items)) => {
            items.iter().all(|item| matches!(item.value, Value::Text(_)) || is_reference(item))
        }
        (Kind::TextList, Value::List(items)) => items.iter().all(|item| matches!(item.value, Value::Text(_))),
        (Kind::Integers, Value::List(items)) => {
            items.iter().all(|item| matches!(item.value, Value::Integer(_)))
        }
        _ => return Some(format!("must be {}, not {}", kind.expected(), node.what())),
    };
    (!fits).then(|| format!("must be {}", kind.expected()))
}

fn unit<T: FromStr<Err = UnitError>>(text: &str) -> Option<String> {
    text.parse::<T>().err().map(|error| error.to_string())
}

/// `{ env = "NAME" }` or `{ file = "PATH" }`, nothing else in it.
fn is_reference(node: &Node) -> bool {
    let Some(table) = node.table() else { return false };
    table.len() == 1
        && ["env", "file"].iter().any(|name| {
            matches!(table.get(*name).map(|node| &node.value), Some(Value::Text(text)) if !text.is_empty())
        })
}
