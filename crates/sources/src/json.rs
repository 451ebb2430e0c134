//! Reads single JSON fields whose faults are told by the field's name, and keeps numbers as they were written.
//!
//! A body is taken apart into raw slices first (one pass, nesting costs no stack), then each field that matters is read
//! for itself. So an id of thirty digits stays itself, and a wrong type names its field instead of a byte offset.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::{error::Category, value::RawValue};

use crate::Untranslatable;

/// A value that may be absent: `None` and `null` are the same.
pub(crate) type Raw<'a> = Option<&'a RawValue>;

fn fault(path: &'static str, problem: &'static str) -> Untranslatable {
    Untranslatable::Field { path, problem }
}

/// The whole body as text. A byte order mark, which some tools write, is passed over.
pub(crate) fn text_of(body: &[u8]) -> Result<&str, Untranslatable> {
    let text = std::str::from_utf8(body).map_err(|_| Untranslatable::NotText)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The whole body as an object of raw fields.
pub(crate) fn body<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Untranslatable> {
    let starts = text.trim_ascii_start().as_bytes().first().copied();
    let read = if starts == Some(b'{') {
        serde_json::from_str(text)
    } else {
        // Still JSON, perhaps: the two faults are told apart, since they are mended differently.
        serde_json::from_str::<&RawValue>(text).and(Err(serde::de::Error::custom("not an object")))
    };
    read.map_err(|error: serde_json::Error| match error.classify() {
        Category::Data if starts == Some(b'{') => Untranslatable::Repeated { within: "body" },
        Category::Data => Untranslatable::NotObject,
        Category::Syntax | Category::Eof | Category::Io => {
            Untranslatable::NotJson { line: error.line(), column: error.column() }
        }
    })
}

/// The whole body as one raw value.
pub(crate) fn value(text: &str) -> Result<&RawValue, Untranslatable> {
    serde_json::from_str(text)
        .map_err(|error| Untranslatable::NotJson { line: error.line(), column: error.column() })
}

/// The value at a path of names, of a body that is JSON.
pub(crate) fn raw_at<'a>(body: &'a [u8], path: &[String]) -> Option<&'a RawValue> {
    let mut raw: &RawValue = serde_json::from_str(text_of(body).ok()?).ok()?;
    for name in path {
        let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(raw.get()).ok()?;
        raw = fields.get(name.as_str())?;
    }
    Some(raw)
}

/// A body without one slice of it: the time of sending, which some senders stamp anew with each attempt.
pub(crate) fn unstamped<'a>(body: &'a [u8], stamp: Option<&str>) -> [&'a [u8]; 2] {
    let cut = stamp.and_then(|stamp| {
        let start = (stamp.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
        Some([body.get(..start)?, body.get(start + stamp.len()..)?])
    });
    cut.unwrap_or([body, &[]])
}

/// An object of raw fields inside the body.
pub(crate) fn object<'a, T: Deserialize<'a>>(
    path: &'static str,
    raw: Raw<'a>,
) -> Result<Option<T>, Untranslatable> {
    let Some(raw) = raw else { return Ok(None) };
    if !raw.get().starts_with('{') {
        return Err(fault(path, "must be an object"));
    }
    serde_json::from_str(raw.get()).map(Some).map_err(|_| Untranslatable::Repeated { within: path })
}

/// A text; an empty one says nothing.
pub(crate) fn text(path: &'static str, raw: Raw<'_>) -> Result<Option<String>, Untranslatable> {
    Ok(word(path, raw)?.map(Cow::into_owned))
}

/// Like [`text`], without a copy where none is needed.
pub(crate) fn word<'a>(path: &'static str, raw: Raw<'a>) -> Result<Option<Cow<'a, str>>, Untranslatable> {
    let Some(raw) = raw else { return Ok(None) };
    let quoted = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let written = quoted.ok_or_else(|| fault(path, "must be a text"))?;
    // Raw values have been read once: without an escape, what stands there is what is meant.
    if !written.contains('\\') {
        return Ok(Some(written).filter(|word| !word.is_empty()).map(Cow::Borrowed));
    }
    let Borrowed(word) =
        serde_json::from_str(raw.get()).map_err(|_| fault(path, "is a text that is not valid Unicode"))?;
    Ok(Some(word).filter(|word| !word.is_empty()))
}

/// Borrows where the text has no escapes; plain `Cow` would always copy.
#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

/// An id: a text, or an integer of any length exactly as it is written. A blank one says nothing.
pub(crate) fn id(path: &'static str, raw: Raw<'_>) -> Result<Option<String>, Untranslatable> {
    let Some(value) = raw else { return Ok(None) };
    let written = value.get();
    if written.starts_with('"') {
        return Ok(text(path, raw)?.filter(|id| !id.trim().is_empty()));
    }
    let digits = written.strip_prefix('-').unwrap_or(written);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Some(written.to_owned()));
    }
    Err(fault(path, "must be a text or an integer"))
}

/// A number, or a decimal number written as text.
pub(crate) fn number(path: &'static str, raw: Raw<'_>) -> Result<Option<f64>, Untranslatable> {
    let Some(value) = raw else { return Ok(None) };
    let written = value.get();
    let read = match written.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => written.parse().ok(),
        Some(b'"') => match word(path, raw)? {
            Some(word) => okr::progress::number(&word),
            None => return Ok(None),
        },
        _ => None,
    };
    match read {
        Some(number) if f64::is_finite(number) => Ok(Some(number)),
        Some(_) => Err(fault(path, "is beyond every number")),
        None => Err(fault(path, "must be a number")),
    }
}

/// A point in time: RFC 3339 with its zone, cut to microseconds, since that is what the log keeps. The year has four
/// digits and is not 0, so that every reader of the log has a date for it.
pub(crate) fn time(path: &'static str, raw: Raw<'_>) -> Result<Option<Timestamp>, Untranslatable> {
    word(path, raw)?.map(|word| time_of(path, &word)).transpose()
}

/// Like [`time`], of a text that is there.
pub(crate) fn time_of(path: &'static str, word: &str) -> Result<Timestamp, Untranslatable> {
    let bad = || fault(path, "is not a time such as 2026-02-03T10:15:00Z");
    let time: Timestamp = word.parse().map_err(|_| bad())?;
    let written = word.as_bytes();
    let dated = written.get(4) == Some(&b'-') && written[..4].iter().all(u8::is_ascii_digit);
    // jiff knows more than RFC 3339: names of zones in brackets, and offsets of more than a day.
    let bare = !word.contains('[') && offset_hours(word).is_none_or(|hours| hours < 24);
    let cut = Timestamp::from_microsecond(time.as_microsecond()).map_err(|_| bad())?;
    let year = cut.to_zoned(TimeZone::UTC).year();
    if dated && bare && year > 0 { Ok(cut) } else { Err(bad()) }
}

/// The hours of an offset such as `+02:00` at the end of a time.
fn offset_hours(time: &str) -> Option<u8> {
    let (_, offset) = time.split_once(['T', 't', ' '])?.1.rsplit_once(['+', '-'])?;
    offset.get(..2)?.parse().ok()
}

/// A day: `YYYY-MM-DD`.
pub(crate) fn day(path: &'static str, raw: Raw<'_>) -> Result<Option<Date>, Untranslatable> {
    word(path, raw)?.map(|word| day_of(path, &word)).transpose()
}

/// Like [`day`], of a text that is there.
pub(crate) fn day_of(path: &'static str, word: &str) -> Result<Date, Untranslatable> {
    // Ten characters leave no room for a time of day, whose zone might mean the day before.
    let day = word.parse().ok().filter(|day: &Date| word.len() == 10 && day.year() > 0);
    day.ok_or_else(|| fault(path, "is not a day such as 2026-03-31"))
}

/// A map of texts; a null in it says nothing.
pub(crate) fn texts(path: &'static str, raw: Raw<'_>) -> Result<BTreeMap<String, String>, Untranslatable> {
    let Some(raw) = raw else { return Ok(BTreeMap::new()) };
    if !raw.get().starts_with('{') {
        return Err(fault(path, "must be an object"));
    }
    let map: BTreeMap<String, Option<String>> =
        serde_json::from_str(raw.get()).map_err(|_| fault(path, "must be an object of texts"))?;
    Ok(map.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
}
