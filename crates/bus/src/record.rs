//! Records as they come from and go to Kafka, and where they lie.

use std::{borrow::Cow, fmt, sync::Arc};

use bytes::Bytes;

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition, from 0.
    pub partition: i32,
}

impl Slot {
    /// The slot of a topic's partition.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// The headers of a record: order and duplicates are kept, a value may be null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Cow<'static, str>, Option<Bytes>)>);

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// No headers, and room for so many.
    pub fn with_capacity(headers: usize) -> Self {
        Self(Vec::with_capacity(headers))
    }

    /// The value of the newest header of that name; none when there is no such header or its value is null.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().rev().find(|(key, _)| key == name).and_then(|(_, value)| value.as_ref())
    }

    /// As `get`, as text; none when the value is not UTF-8.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Whether a header of that name is there, null or not.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Appends one header behind all others.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) {
        self.0.push((name.into(), Some(value.into())));
    }

    /// Appends one header whose value is null.
    pub fn push_null(&mut self, name: impl Into<Cow<'static, str>>) {
        self.0.push((name.into(), None));
    }

    /// All headers in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Option<&Bytes>)> {
        self.0.iter().map(|(name, value)| (&**name, value.as_ref()))
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of all names and values.
    pub fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Bytes::len)).sum()
    }
}

impl<N: Into<Cow<'static, str>>> FromIterator<(N, Option<Bytes>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, Option<Bytes>)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

/// A record read from Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InRecord {
    /// Where it lies.
    pub slot: Slot,
    /// Its offset; negative for a record that was never in Kafka (see `dead::letter`).
    pub offset: i64,
    /// Milliseconds since the epoch, when the record has a time.
    pub timestamp_ms: Option<i64>,
    /// The key; none is null, which is not the same as empty.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: Headers,
}

impl InRecord {
    /// Bytes that it holds: key, value and headers.
    pub fn size(&self) -> usize {
        size(self.key.as_ref(), self.value.as_ref(), &self.headers)
    }
}

/// A record for Kafka, with its partition chosen (`place`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutRecord {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition, from 0; a negative one is refused.
    pub partition: i32,
    /// The key; none is null.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: Headers,
}

impl OutRecord {
    /// Bytes that it holds: key, value and headers.
    pub fn size(&self) -> usize {
        size(self.key.as_ref(), self.value.as_ref(), &self.headers)
    }
}

/// Where an acknowledged record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The partition that it was sent to.
    pub partition: i32,
    /// Its offset there, never negative.
    pub offset: i64,
}

fn size(key: Option<&Bytes>, value: Option<&Bytes>, headers: &Headers) -> usize {
    key.map_or(0, Bytes::len) + value.map_or(0, Bytes::len) + headers.size()
}

#[cfg(test)]
mod tests;
