//! A Slack message as JSON: sections cut where Slack's limits ask for it and nowhere else.

use std::borrow::Cow;

use serde_json::{Value, json};
use unicode_segmentation::UnicodeSegmentation;

/// The longest text of one section. Slack counts characters; we count UTF-16 units, which are never fewer.
pub(super) const SECTION_UNITS_MAX: usize = 3_000;
/// The longest text of a whole message. Slack documents none, but answers `msg_blocks_too_long` from about 13,200.
pub(super) const MESSAGE_UNITS_MAX: usize = 13_000;
/// The longest fallback: it is shown in notifications only, and Slack shortens it from 4,000 on.
pub(super) const FALLBACK_UNITS_MAX: usize = 3_000;
/// The most blocks of one message.
const BLOCKS_MAX: usize = 50;
/// A link longer than this is text like any other.
const LINK_BYTES_MAX: usize = 2_000;
/// Combining marks without end are no grapheme that anybody would miss.
const GRAPHEME_BYTES_MAX: usize = 64;

/// Escapes a value as Slack asks for it: `&`, `<` and `>`, so that no value can mention a channel or forge a link.
pub(super) fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Nothing can show it.
            '\0' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// The body of the request: a fallback for notifications and one section per 3,000 characters. `None` when `text`
/// has nothing to show, which Slack refuses.
pub(super) fn message(text: &str) -> Option<Value> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let whole = shorten(text, MESSAGE_UNITS_MAX);
    let blocks: Vec<Value> = sections(&whole)
        .into_iter()
        .take(BLOCKS_MAX)
        .map(|section| json!({ "type": "section", "text": { "type": "mrkdwn", "text": section } }))
        .collect();
    Some(json!({
        "text": shorten(text, FALLBACK_UNITS_MAX),
        "blocks": blocks,
        // A link in a title must not make Slack fetch and show a page.
        "unfurl_links": false,
        "unfurl_media": false,
    }))
}

/// The text, cut into pieces that fit a section; at a line's end or a space when one is near.
fn sections(text: &str) -> Vec<&str> {
    let mut rest = text.trim();
    let mut sections = Vec::new();
    while !rest.is_empty() {
        let (section, after) = rest.split_at(fitting(rest, SECTION_UNITS_MAX));
        sections.push(section.trim_end());
        rest = after.trim_start();
    }
    sections
}

/// The text itself if it fits, else its beginning and a note of how much is missing.
fn shorten(text: &str, units_max: usize) -> Cow<'_, str> {
    const NOTE_UNITS_MAX: usize = 60;
    if units(text) <= units_max {
        return Cow::Borrowed(text);
    }
    let (kept, left_out) = text.split_at(fitting(text, units_max - NOTE_UNITS_MAX));
    Cow::Owned(format!("{}\n… ({} characters left out)", kept.trim_end(), left_out.chars().count()))
}

/// How many bytes of `text` fit into `units_max` UTF-16 units without cutting an entity, a link or a grapheme.
/// At least one piece when `units_max` holds the longest of them.
fn fitting(text: &str, units_max: usize) -> usize {
    let (mut end, mut used) = (0, 0);
    let (mut line_end, mut space) = (0, 0);
    while let Some(piece) = first_piece(&text[end..]) {
        used += units(piece);
        if used > units_max {
            // A cut that would waste more than half of the room looks worse than a cut word.
            return [line_end, space].into_iter().find(|cut| *cut > end / 2).unwrap_or(end);
        }
        end += piece.len();
        match piece {
            "\n" | "\r\n" => line_end = end,
            " " => space = end,
            _ => {}
        }
    }
    end
}

/// What must stay together at the start of `text`: an escaped character, a link or mention, or a grapheme.
fn first_piece(text: &str) -> Option<&str> {
    if let Some(entity) = ["&amp;", "&lt;", "&gt;"].into_iter().find(|entity| text.starts_with(entity)) {
        return Some(&text[..entity.len()]);
    }
    if text.starts_with('<')
        && let Some(close) = text.bytes().take(LINK_BYTES_MAX).position(|byte| matches!(byte, b'>' | b'\n'))
        && text.as_bytes()[close] == b'>'
    {
        return Some(&text[..=close]);
    }
    // Only a window is looked at, so that a hostile text costs no more than its length.
    let grapheme = text[..text.floor_char_boundary(2 * GRAPHEME_BYTES_MAX)].graphemes(true).next()?;
    if grapheme.len() <= GRAPHEME_BYTES_MAX {
        return Some(grapheme);
    }
    let first = grapheme.chars().next().map_or(0, char::len_utf8);
    Some(&grapheme[..first])
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests;
