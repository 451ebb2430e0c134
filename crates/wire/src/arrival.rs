//! A verified delivery as it came.

use std::collections::BTreeMap;

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

impl Arrival {
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
