//! A Kafka record kept beside its row, and its compact form for a store.

use bus::{Headers, InRecord, Slot};
use bytes::Bytes;

/// The first byte of the packed form.
const VERSION: u8 = 1;

/// A record as it was consumed: key, value and headers untouched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordCopy {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: Option<i64>,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    /// Order and duplicates kept.
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// The packed form was cut short or is of an unknown version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record copy could not be unpacked: {0}")]
pub struct UnpackError(&'static str);

impl RecordCopy {
    /// A copy of `record`; key and value share its memory.
    pub fn of(record: &InRecord) -> Self {
        Self {
            topic: record.slot.topic.to_string(),
            partition: record.slot.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record.headers.iter().map(|(name, value)| (name.to_owned(), value.cloned())).collect(),
        }
    }

    /// The record again, as `bus` knows it.
    pub fn to_record(&self) -> InRecord {
        InRecord {
            slot: Slot::new(self.topic.as_str(), self.partition),
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key.clone(),
            value: self.value.clone(),
            headers: self.headers.iter().cloned().collect::<Headers>(),
        }
    }

    /// The first value of the header `name`, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.iter().find(|(known, _)| known == name)?.1.as_ref()?;
        std::str::from_utf8(value).ok()
    }

    /// One blob for a store's column: a version byte, then each field with its length in front (big endian).
    pub fn pack(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put(&mut out, Some(self.topic.as_bytes()));
        out.extend(self.partition.to_be_bytes());
        out.extend(self.offset.to_be_bytes());
        put(&mut out, self.timestamp_ms.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
        put(&mut out, self.key.as_deref());
        put(&mut out, self.value.as_deref());
        for (name, value) in &self.headers {
            put(&mut out, Some(name.as_bytes()));
            put(&mut out, value.as_deref());
        }
        out
    }

    /// Reads what [`RecordCopy::pack`] wrote.
    pub fn unpack(blob: &[u8]) -> Result<Self, UnpackError> {
        let mut rest = Rest(blob);
        if rest.bytes(1)? != [VERSION] {
            return Err(UnpackError("unknown version"));
        }
        let mut copy = Self {
            topic: rest.text()?,
            partition: i32::from_be_bytes(rest.array()?),
            offset: i64::from_be_bytes(rest.array()?),
            timestamp_ms: rest
                .optional()?
                .map(|bytes| Rest(bytes).array().map(i64::from_be_bytes))
                .transpose()?,
            key: rest.optional()?.map(Bytes::copy_from_slice),
            value: rest.optional()?.map(Bytes::copy_from_slice),
            headers: Vec::new(),
        };
        while !rest.0.is_empty() {
            let name = rest.text()?;
            copy.headers.push((name, rest.optional()?.map(Bytes::copy_from_slice)));
        }
        Ok(copy)
    }
}

/// A length of -1 is an absent value, as in Kafka's own protocol.
fn put(out: &mut Vec<u8>, value: Option<&[u8]>) {
    let length = value.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    out.extend(length.to_be_bytes());
    out.extend(value.unwrap_or_default());
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], UnpackError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(UnpackError("cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], UnpackError> {
        self.bytes(N)?.try_into().map_err(|_| UnpackError("cut short"))
    }

    fn optional(&mut self) -> Result<Option<&'a [u8]>, UnpackError> {
        match i64::from_be_bytes(self.array()?) {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| UnpackError("negative length"))?;
                self.bytes(length).map(Some)
            }
        }
    }

    fn text(&mut self) -> Result<String, UnpackError> {
        let bytes = self.optional()?.ok_or(UnpackError("absent text"))?;
        String::from_utf8(bytes.to_vec()).map_err(|_| UnpackError("text is not UTF-8"))
    }
}

#[cfg(test)]
mod tests;
