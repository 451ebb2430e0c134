//! What a tool signs, such as `{{ timestamp }}.{{ body }}`, compiled into parts: the body is any bytes and is never
//! turned into text.

use http::{HeaderMap, HeaderName};

use super::{header, mac::Mac};
use crate::Refusal;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Timestamp,
    Body,
    Header(HeaderName),
}

/// The parts in the order in which they are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed(Vec<Part>);

impl Signed {
    /// The body alone.
    pub(super) fn body() -> Self {
        Self(vec![Part::Body])
    }

    /// `{timestamp}.{body}`, the usual form.
    pub(super) fn stamped() -> Self {
        Self(vec![Part::Timestamp, Part::Text(".".to_owned()), Part::Body])
    }

    /// Compiles a template, or says what is wrong with it.
    pub(super) fn compile(template: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once("{{") {
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            let (inside, after) = after.split_once("}}").ok_or("has a `{{` without its `}}`")?;
            parts.push(part(inside.trim())?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    pub(super) fn has_body(&self) -> bool {
        self.0.contains(&Part::Body)
    }

    pub(super) fn has_timestamp(&self) -> bool {
        self.0.contains(&Part::Timestamp)
    }

    /// Feeds a request's parts into a keyed hash.
    pub(super) fn feed(
        &self,
        mac: &mut Mac,
        timestamp: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Refusal> {
        for part in &self.0 {
            match part {
                Part::Text(text) => mac.update(text.as_bytes()),
                Part::Timestamp => mac.update(timestamp.as_bytes()),
                Part::Body => mac.update(body),
                Part::Header(name) => mac.update(header::one(headers, name)?.as_bytes()),
            }
        }
        Ok(())
    }

    /// The headers that the template names, for signing.
    pub(super) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().filter_map(|part| if let Part::Header(name) = part { Some(name) } else { None })
    }
}

fn part(expression: &str) -> Result<Part, String> {
    match expression {
        "timestamp" => return Ok(Part::Timestamp),
        "body" => return Ok(Part::Body),
        _ => {}
    }
    let quoted = expression.strip_prefix("headers[").and_then(|rest| rest.strip_suffix(']')).map(str::trim);
    let name = quoted.and_then(|quoted| {
        let bare = |mark: char| quoted.strip_prefix(mark)?.strip_suffix(mark);
        bare('\'').or_else(|| bare('"'))
    });
    name.and_then(|name| name.to_ascii_lowercase().parse().ok()).map(Part::Header).ok_or_else(|| {
        format!("does not know `{expression}`; it knows `timestamp`, `body` and `headers['name']`")
    })
}
