//! A verified delivery as it came.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use okr::time::micros;
use serde::{Deserialize, Serialize};

use crate::WireError;

/// A verified delivery as it came: everything that is needed to translate it again. The value of `okr.arrivals`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The configured sender: `/in/{source}`.
    pub source: String,
    /// The source's kind when it came.
    pub kind: String,
    /// What tells this delivery from every other one of its source.
    pub delivery_id: Option<String>,
    /// When the gateway had the whole delivery.
    #[serde(with = "micros")]
    pub received_at: jiff::Timestamp,
    /// As sent.
    pub content_type: Option<String>,
    /// The chosen ones, names in lower case; `content-encoding` says how the body is packed.
    pub headers: BTreeMap<String, String>,
    /// The verified body, byte for byte as it came off the wire.
    pub body: Bytes,
}

/// An [`Arrival`] of what lies elsewhere, to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArrivalRef<'a> {
    /// As [`Arrival::source`]; the others likewise.
    pub source: &'a str,
    /// The source's kind.
    pub kind: &'a str,
    /// The delivery's identity.
    pub delivery_id: Option<&'a str>,
    /// When it came.
    #[serde(with = "micros")]
    pub received_at: jiff::Timestamp,
    /// As sent.
    pub content_type: Option<Cow<'a, str>>,
    /// The chosen ones.
    pub headers: BTreeMap<&'a str, Cow<'a, str>>,
    /// The verified body.
    pub body: &'a Bytes,
}

impl Arrival {
    /// The same, to be written.
    pub fn view(&self) -> ArrivalRef<'_> {
        ArrivalRef {
            source: &self.source,
            kind: &self.kind,
            delivery_id: self.delivery_id.as_deref(),
            received_at: self.received_at,
            content_type: self.content_type.as_deref().map(Cow::Borrowed),
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), Cow::Borrowed(value.as_str())))
                .collect(),
            body: &self.body,
        }
    }

    /// The arrival for people: the body as text where it is text, else as `body_base64`.
    pub(crate) fn json(&self) -> Result<serde_json::Value, WireError> {
        let (name, body) = match std::str::from_utf8(&self.body) {
            Ok(text) => ("body", text.to_owned()),
            Err(_) => ("body_base64", BASE64_STANDARD.encode(&self.body)),
        };
        let empty = Self { body: Bytes::new(), ..self.clone() };
        let mut json = serde_json::to_value(empty).map_err(WireError::avro)?;
        if let Some(fields) = json.as_object_mut() {
            fields.remove("body");
            fields.insert(name.to_owned(), body.into());
        }
        Ok(json)
    }
}
