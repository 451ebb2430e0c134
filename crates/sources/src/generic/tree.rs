//! A body as mappings see it: any JSON, or a form, with everything left out that is null.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use minijinja::Value;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::error::Category;

use crate::{Untranslatable, form, json};

/// The longest integer that is surely read as it stands: 18 digits fit in 64 bits, with a sign.
const DIGITS_MAX: usize = 18;

/// Reads JSON. An integer of more than 18 digits becomes the text of its digits, so that no id changes.
pub(super) fn of_json(body: &[u8]) -> Result<Value, Untranslatable> {
    let text = quote_long_integers(json::text_of(body)?);
    serde_json::from_str::<Tree>(&text).map(|tree| tree.0.unwrap_or_default()).map_err(|error| {
        match error.classify() {
            Category::Data => Untranslatable::Repeated { within: "body" },
            Category::Syntax | Category::Eof | Category::Io => {
                Untranslatable::NotJson { line: error.line(), column: error.column() }
            }
        }
    })
}

/// Reads a form: every field is a text, and a list of texts where its name stands there several times.
pub(super) fn of_form(body: &[u8]) -> Result<Value, Untranslatable> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form::fields(json::text_of(body)?) {
        fields.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    let value = |mut values: Vec<String>| match (values.len(), values.pop()) {
        (1, Some(only)) => Value::from(only),
        (_, last) => values.into_iter().chain(last).collect(),
    };
    Ok(Value::from(
        fields.into_iter().map(|(name, values)| (name, value(values))).collect::<BTreeMap<_, _>>(),
    ))
}

/// `None` is null.
struct Tree(Option<Value>);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Option<Value>, E> {
        Ok(Some(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Option<Value>, E> {
        Ok(Some(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Option<Value>, E> {
        Ok(Some(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Option<Value>, E> {
        Ok(Some(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Option<Value>, E> {
        Ok(Some(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<Value>, A::Error> {
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or(0));
        while let Some(Tree(item)) = items.next_element()? {
            // A null keeps its place, as a value that is missing.
            list.push(item.unwrap_or(Value::UNDEFINED));
        }
        Ok(Some(Value::from(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Option<Value>, A::Error> {
        let mut map = BTreeMap::new();
        let mut nulls: Vec<String> = Vec::new();
        while let Some((name, Tree(value))) = fields.next_entry::<String, Tree>()? {
            if map.contains_key(&name) || nulls.contains(&name) {
                return Err(de::Error::custom("a key stands there twice"));
            }
            match value {
                Some(value) => {
                    map.insert(name, value);
                }
                None if nulls.len() < NULLS_MAX => nulls.push(name),
                None => {}
            }
        }
        Ok(Some(Value::from(map)))
    }
}

/// Nulls of one object that are looked at for repetition: what is beyond says nothing anyway.
const NULLS_MAX: usize = 64;

/// Puts quotes around integers that are too long to be read exactly. Nearly every body has none and is not copied.
fn quote_long_integers(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_text(bytes, at),
            b'-' | b'0'..=b'9' => {
                let end = (at + 1..bytes.len()).find(|end| !is_of_number(bytes[*end])).unwrap_or(bytes.len());
                let digits = text[at..end].strip_prefix('-').unwrap_or(&text[at..end]);
                let whole = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
                if whole && digits.len() > DIGITS_MAX {
                    out.push_str(&text[copied..at]);
                    out.push('"');
                    out.push_str(&text[at..end]);
                    out.push('"');
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')
}

/// Behind the quote that ends the text which begins at `start`.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests;
