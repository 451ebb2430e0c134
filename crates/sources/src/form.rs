//! Bodies that are forms: `name=value&name=value`.

use std::borrow::Cow;

use http::{HeaderMap, header::CONTENT_TYPE};

/// Their media type.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Whether the delivery says that its body is one.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|essence| essence.eq_ignore_ascii_case(FORM))
}

/// The media type without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.split(';').next()).map(str::trim)
}

/// The fields in their order.
pub(crate) fn fields(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    url::form_urlencoded::parse(text.as_bytes())
}

/// The first field of a name.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<Cow<'a, str>> {
    fields(text).find(|(known, _)| known == name).map(|(_, value)| value)
}
