//! The attributes of a CloudEvent, wherever they stand.

use std::borrow::Cow;

use base64::Engine;
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    Untranslatable,
    content::{Fingerprint, fingerprint},
    json::{self, Raw},
    verify::BASE64,
};

/// The headers of binary mode that are read.
pub(super) const HEADERS: &[&str] =
    &["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-sequence"];

/// One event, its data still raw.
pub(super) struct Envelope<'a> {
    id: String,
    source: String,
    pub kind: String,
    pub time: Option<Timestamp>,
    /// The order within a source, where it is a number: the extension `sequence`.
    pub sequence: Option<i64>,
    pub data: Option<Cow<'a, str>>,
}

/// Structured mode: attributes and data in one object.
#[derive(Deserialize)]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    specversion: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    source: Raw<'a>,
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    time: Raw<'a>,
    #[serde(borrow)]
    sequence: Raw<'a>,
    #[serde(borrow)]
    data: Raw<'a>,
    #[serde(borrow)]
    data_base64: Raw<'a>,
}

impl<'a> Envelope<'a> {
    pub(super) fn structured(fields: &Fields<'a>) -> Result<Self, Untranslatable> {
        let said = |path, raw| json::text(path, raw)?.ok_or(missing(path));
        version(&said("specversion", fields.specversion)?, "specversion")?;
        let data = match (fields.data, json::word("data_base64", fields.data_base64)?) {
            (Some(data), _) => Some(Cow::Borrowed(data.get())),
            (None, Some(encoded)) => Some(Cow::Owned(decoded(&encoded)?)),
            (None, None) => None,
        };
        Ok(Self {
            id: said("id", fields.id)?,
            source: said("source", fields.source)?,
            kind: said("type", fields.kind)?,
            time: json::time("time", fields.time)?,
            sequence: json::word("sequence", fields.sequence)?.and_then(|text| text.parse().ok()),
            data,
        })
    }

    /// Binary mode: attributes in headers, whose values are percent-encoded, and the body is the data.
    pub(super) fn binary(headers: &HeaderMap, body: &'a str) -> Result<Self, Untranslatable> {
        let find = |name: &'static str| -> Result<Option<String>, Untranslatable> {
            let mut values = headers.get_all(name).iter();
            let Some(value) = values.next() else { return Ok(None) };
            if values.next().is_some() {
                return Err(Untranslatable::field(name, "stands there twice"));
            }
            let text = value.to_str().ok().and_then(|text| unescaped(text.trim()));
            let text = text.ok_or(Untranslatable::field(name, "is not percent-encoded text"))?;
            Ok(Some(text).filter(|text| !text.is_empty()))
        };
        let said = |name| find(name)?.ok_or(missing(name));
        version(&said("ce-specversion")?, "ce-specversion")?;
        Ok(Self {
            id: said("ce-id")?,
            source: said("ce-source")?,
            kind: said("ce-type")?,
            time: find("ce-time")?.map(|text| json::time_of("ce-time", &text)).transpose()?,
            sequence: find("ce-sequence")?.and_then(|text| text.parse().ok()),
            data: Some(Cow::Borrowed(body)).filter(|body| !body.trim().is_empty()),
        })
    }

    /// An event is known by its source and its id. A source is a URI reference and has no blanks.
    pub(super) fn identity(&self) -> String {
        format!("{} {}", self.source, self.id)
    }

    /// Other attributes, such as those of tracing, may differ from attempt to attempt.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let time = self.time.map(|time| time.to_string()).unwrap_or_default();
        let data = self.data.as_deref().unwrap_or_default();
        fingerprint(&[&*self.source, &*self.id, &*self.kind, &time, data].map(str::as_bytes))
    }
}

fn missing(path: &'static str) -> Untranslatable {
    Untranslatable::field(path, "is missing")
}

fn version(text: &str, path: &'static str) -> Result<(), Untranslatable> {
    if text == "1.0" { Ok(()) } else { Err(Untranslatable::field(path, "is not 1.0")) }
}

fn decoded(text: &str) -> Result<String, Untranslatable> {
    let bytes = BASE64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or(Untranslatable::field("data_base64", "is not base64 of a text"))
}

/// Undoes percent-encoding; `None` is an escape that is none, or no text.
fn unescaped(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push((digit(rest.next())? * 16 + digit(rest.next())?) as u8);
    }
    String::from_utf8(bytes).ok()
}
