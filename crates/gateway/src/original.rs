//! What is kept of a delivery as it came. It is written out as an arrival only where the arrival is kept.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use sources::Source;
use wire::ArrivalRef;

/// Headers that are kept with every arrival, beside those that its source's dialect reads.
pub(crate) const KEPT: &[&str] = &["content-type", "content-encoding", "user-agent", "traceparent"];

/// A delivery as it came; see [`Arrival`].
#[derive(Debug)]
pub(crate) struct Original {
    pub source: String,
    pub kind: &'static str,
    pub delivery_id: String,
    pub received_at: Timestamp,
    /// The chosen ones that it has.
    pub headers: Vec<(Cow<'static, str>, HeaderValue)>,
    /// As it was on the wire.
    pub body: Bytes,
}

impl Original {
    /// A delivery of this source.
    pub(crate) fn of(
        source: &Source,
        delivery_id: String,
        received_at: Timestamp,
        (headers, body): (&HeaderMap, Bytes),
    ) -> Self {
        let own = source.headers_kept().iter().filter(|name| headers.contains_key(*name));
        let names = KEPT.iter().copied().map(Cow::Borrowed).chain(own.cloned().map(Cow::Owned));
        Self {
            source: source.name().to_owned(),
            kind: source.kind(),
            delivery_id,
            received_at,
            headers: names
                .filter_map(|name| headers.get(&*name).cloned().map(|value| (name, value)))
                .collect(),
            body,
        }
    }

    /// As it goes to `okr.arrivals`.
    pub(crate) fn arrival(&self) -> ArrivalRef<'_> {
        let content_type = self.headers.iter().find(|(name, _)| name == header::CONTENT_TYPE.as_str());
        ArrivalRef {
            source: &self.source,
            kind: self.kind,
            delivery_id: Some(&self.delivery_id),
            received_at: self.received_at,
            content_type: content_type.map(|(_, value)| text(value)),
            headers: self.headers.iter().map(|(name, value)| (&**name, text(value))).collect(),
            body: &self.body,
        }
    }
}

fn text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}
