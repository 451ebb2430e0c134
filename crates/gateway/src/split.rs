//! Takes a batch apart into its items, without reading them: one that is broken spoils no other.
//!
//! Only what separates items is looked at: brackets, texts and commas, or ends of lines. Each item is a range of the
//! body, byte for byte, and is judged by its dialect as if it had been sent alone.

use std::ops::Range;

use serde::de::IgnoredAny;

/// How the items of a batch stand beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A JSON array: of bodies, or of CloudEvents.
    List,
    /// A body in each line.
    Lines,
}

/// Media types of JSON in lines; no registry has any of them, and all of them are in use.
const LINES: &[&str] = &[
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/json-lines",
];
/// Media types of JSON arrays, where the source documents them.
const LISTS: &[&str] = &["application/json", "application/cloudevents-batch+json"];

/// The byte order mark that some tools write.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a body has no items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsplit {
    /// It is no batch of this form at all.
    Shape,
    /// It has more than are taken at once.
    TooMany,
}

impl Form {
    /// The form that a media type says, if a source that documents `known` may send it in a batch.
    pub(crate) fn of(essence: &str, known: &[&str]) -> Option<Self> {
        let is = |list: &[&str]| list.iter().any(|name| name.eq_ignore_ascii_case(essence));
        if is(LINES) {
            return Some(Self::Lines);
        }
        (is(LISTS) && is(known)).then_some(Self::List)
    }

    /// Every media type that is taken apart, for the document of the API.
    pub(crate) fn media_types() -> impl Iterator<Item = &'static str> {
        LISTS.iter().chain(LINES).copied()
    }

    /// The items, in their order; at most `items_max`.
    pub(crate) fn split(self, body: &[u8], items_max: usize) -> Result<Vec<Range<usize>>, Unsplit> {
        let start = if body.starts_with(MARK) { MARK.len() } else { 0 };
        match self {
            Self::List => list(body, start, items_max),
            Self::Lines => lines(body, start, items_max),
        }
    }
}

/// The elements of the array. An element may be broken in itself, as long as its end can be found.
fn list(body: &[u8], start: usize, items_max: usize) -> Result<Vec<Range<usize>>, Unsplit> {
    let opening = trimmed(body, start..body.len()).start;
    if body.get(opening) != Some(&b'[') {
        return Err(Unsplit::Shape);
    }
    let mut items = Vec::new();
    let (mut at, mut item, mut depth) = (opening + 1, opening + 1, 0_usize);
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => at = closing_quote(body, at + 1).ok_or(Unsplit::Shape)?,
            b'[' | b'{' => depth += 1,
            b',' if depth == 0 => {
                push(&mut items, trimmed(body, item..at), items_max)?;
                item = at + 1;
            }
            b']' if depth == 0 => {
                let last = trimmed(body, item..at);
                if !last.is_empty() || !items.is_empty() {
                    push(&mut items, last, items_max)?;
                }
                let rest = trimmed(body, at + 1..body.len());
                return if rest.is_empty() { Ok(items) } else { Err(Unsplit::Shape) };
            }
            b']' | b'}' => depth = depth.checked_sub(1).ok_or(Unsplit::Shape)?,
            _ => {}
        }
        at += 1;
    }
    Err(Unsplit::Shape)
}

/// The lines that say something. Where no line even begins as a body does, it is something else.
///
/// One object, in however many lines, is one item from its first byte to the last: the signature says nothing of the path,
/// so whoever has heard a delivery could send it here as another one.
fn lines(body: &[u8], start: usize, items_max: usize) -> Result<Vec<Range<usize>>, Unsplit> {
    if is_object(&body[start..]) {
        return Ok(std::iter::once(0..body.len()).collect());
    }
    let (mut items, mut at) = (Vec::new(), start);
    for line in body[start..].split(|byte| *byte == b'\n') {
        let item = trimmed(body, at..at + line.len());
        at += line.len() + 1;
        if !item.is_empty() {
            push(&mut items, item, items_max)?;
        }
    }
    let begins = |item: &Range<usize>| body.get(item.start) == Some(&b'{');
    if items.is_empty() || items.iter().any(begins) { Ok(items) } else { Err(Unsplit::Shape) }
}

/// Whether all of it is one object. Of lines, no more than the first two are looked at.
fn is_object(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

fn push(items: &mut Vec<Range<usize>>, item: Range<usize>, items_max: usize) -> Result<(), Unsplit> {
    if items.len() == items_max {
        return Err(Unsplit::TooMany);
    }
    items.push(item);
    Ok(())
}

/// Where the text ends that begins at `at`.
fn closing_quote(body: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match body.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The range without the blanks of JSON around it.
fn trimmed(body: &[u8], range: Range<usize>) -> Range<usize> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let slice = &body[range.clone()];
    let Some(first) = slice.iter().position(|byte| !blank(byte)) else { return range.end..range.end };
    let last = slice.iter().rposition(|byte| !blank(byte)).unwrap_or(first);
    range.start + first..range.start + last + 1
}

#[cfg(test)]
mod tests;
