//! Text that a terminal shows as it is: no value can move the cursor, change a colour or fake a line.

use unicode_segmentation::UnicodeSegmentation;

/// A message longer than this helps nobody at a terminal.
const GRAPHEMES_MAX: usize = 4_000;

/// Escapes a value: control characters are shown instead of obeyed, and it stays on its line.
pub(super) fn escape(value: &str) -> String {
    value
        .chars()
        .map(|character| if matches!(character, '\n' | '\r' | '\t') { ' ' } else { shown(character) })
        .collect()
}

/// The message as lines for the terminal: the destination's name before the first, further ones indented.
/// The template may break lines; nothing may do more.
pub(super) fn lines(name: &str, text: &str) -> String {
    let mut graphemes = text.trim().grapheme_indices(true);
    let cut = graphemes.nth(GRAPHEMES_MAX).map(|(at, _)| at);
    let mut out = format!("{name}: ");
    for character in text.trim()[..cut.unwrap_or(text.trim().len())].chars() {
        match character {
            '\n' => out.push_str("\n  "),
            '\r' => {}
            '\t' => out.push(' '),
            other => out.push(shown(other)),
        }
    }
    if cut.is_some() {
        out.push_str(" … (shortened)");
    }
    out.push('\n');
    out
}

/// A character without power over the terminal or over the direction of the text around it.
fn shown(character: char) -> char {
    match character {
        // Unicode has a picture of each of these: ␀ to ␟, and ␡.
        '\0'..='\u{1f}' => {
            char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\u{7f}' => '␡',
        // C1 controls (CSI is one of them), line separators, and what turns the direction of writing.
        '\u{80}'..='\u{9f}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{61c}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_steer_the_terminal() {
        assert_eq!(escape("\u{1b}[31mred\u{7}\u{9b}2J"), "␛[31mred␇\u{fffd}2J");
        assert_eq!(escape("one\ntwo\r\tthree"), "one two  three");
        assert_eq!(escape("Größe 🎯 naïve"), "Größe 🎯 naïve");
    }

    #[test]
    fn a_template_may_break_lines_and_nothing_more() {
        assert_eq!(lines("terminal", "one\ntwo\u{1b}c\n"), "terminal: one\n  two␛c\n");
    }

    #[test]
    fn what_is_too_long_says_so() {
        let line = lines("t", &"x".repeat(GRAPHEMES_MAX + 1));
        assert!(line.ends_with("x … (shortened)\n"));
        assert_eq!(line.matches('x').count(), GRAPHEMES_MAX);
    }
}
