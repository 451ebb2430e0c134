//! Part of the tree as a struct, through serde; whatever serde finds wrong is told with its key and place.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::tree::{Node, Place, Step, Value};

/// A value to be read, or the absence of one, which reads as an empty table, an empty list or nothing.
#[derive(Clone)]
pub(super) struct Reader<'de> {
    pub(super) node: Option<&'de Node>,
    pub(super) path: Vec<Step>,
}

/// What serde found wrong, and where.
#[derive(Debug)]
pub(super) struct SectionError {
    pub(super) message: String,
    /// The innermost value that serde could not read; `None` until the reader around it fills it in.
    pub(super) at: Option<(Option<Place>, Vec<Step>)>,
}

impl fmt::Display for SectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SectionError {}

impl de::Error for SectionError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), at: None }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("the key `{field}` is missing"))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let known: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
        Self::custom(format_args!("unknown key `{field}`; known here: {}", known.join(", ")))
    }
}

impl<'de> Reader<'de> {
    fn into_step(self, step: Step, node: &'de Node) -> Self {
        let mut path = self.path;
        path.push(step);
        Self { node: Some(node), path }
    }

    fn placed<T>(self, read: impl FnOnce(Self) -> Result<T, SectionError>) -> Result<T, SectionError> {
        let at = (self.node.map(|node| node.place.clone()), self.path.clone());
        read(self).map_err(|error| SectionError { at: Some(error.at.unwrap_or(at)), ..error })
    }

    fn entries(&self, table: &'de std::collections::BTreeMap<String, Node>) -> Vec<(&'de str, Self)> {
        let step = |name: &str, node| self.clone().into_step(Step::Name(name.to_owned()), node);
        table.iter().map(|(name, node)| (name.as_str(), step(name, node))).collect()
    }

    fn any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SectionError> {
        let Some(node) = self.node else {
            return visitor.visit_map(MapDeserializer::new(std::iter::empty::<(&str, Self)>()));
        };
        match &node.value {
            Value::Text(text) | Value::Time(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Number(number) => visitor.visit_f64(*number),
            Value::Flag(flag) => visitor.visit_bool(*flag),
            Value::List(items) => {
                let item = |(at, node)| self.clone().into_step(Step::Index(at), node);
                visitor.visit_seq(SeqDeserializer::new(items.iter().enumerate().map(item)))
            }
            Value::Table(table) => visitor.visit_map(MapDeserializer::new(self.entries(table).into_iter())),
        }
    }
}

impl<'de> IntoDeserializer<'de, SectionError> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = SectionError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SectionError> {
        self.placed(|reader| reader.any(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SectionError> {
        match self.node {
            Some(_) => visitor.visit_some(self),
            None => visitor.visit_none(),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, SectionError> {
        self.placed(|reader| visitor.visit_newtype_struct(reader))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SectionError> {
        match self.node {
            Some(_) => self.deserialize_any(visitor),
            None => visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<Self>())),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, SectionError> {
        self.placed(|reader| match reader.node.map(|node| &node.value) {
            Some(Value::Text(text)) => visitor.visit_enum(text.as_str().into_deserializer()),
            Some(Value::Table(table)) => {
                let entries = MapDeserializer::new(reader.entries(table).into_iter());
                visitor.visit_enum(MapAccessDeserializer::new(entries))
            }
            _ => reader.any(visitor),
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}
