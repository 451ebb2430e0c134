//! What the headers of a request say about its body: how it is written, and how it is packed.

use http::{HeaderMap, header};
use sources::Source;

use crate::{problem::Problem, reader::Coding, split::Form};

/// A missing media type is read as JSON; parameters say nothing here. Two of them say nothing that counts.
fn essence(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let Some(value) = values.next() else { return Ok("application/json") };
    let essence = value.to_str().ok().and_then(|value| value.split(';').next()).map(str::trim);
    match essence.filter(|_| values.next().is_none()) {
        Some("") => Ok("application/json"),
        Some(essence) => Ok(essence),
        None => Err(Problem::MediaType),
    }
}

pub(super) fn media_type(headers: &HeaderMap, source: &Source) -> Result<(), Problem> {
    let essence = essence(headers)?;
    let documented = source.media_types().iter().any(|known| known.eq_ignore_ascii_case(essence));
    if documented { Ok(()) } else { Err(Problem::MediaType) }
}

pub(super) fn batch_form(headers: &HeaderMap, source: &Source) -> Result<Form, Problem> {
    Form::of(essence(headers)?, source.media_types()).ok_or(Problem::MediaType)
}

pub(super) fn coding(headers: &HeaderMap) -> Result<Coding, Problem> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(Coding::Plain) };
    if values.next().is_some() {
        return Err(Problem::Encoding);
    }
    match value.to_str().map(|value| value.trim().to_ascii_lowercase()).as_deref() {
        Ok("" | "identity") => Ok(Coding::Plain),
        Ok("gzip" | "x-gzip") => Ok(Coding::Gzip),
        _ => Err(Problem::Encoding),
    }
}
