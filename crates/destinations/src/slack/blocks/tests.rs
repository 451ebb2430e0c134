//! Limits of Slack's blocks.

use serde_json::Value;

use super::*;

fn texts(body: &Value) -> Vec<String> {
    let blocks = body["blocks"].as_array().expect("blocks");
    blocks.iter().map(|block| block["text"]["text"].as_str().expect("a text").to_owned()).collect()
}

#[track_caller]
fn check_limits(text: &str) -> Vec<String> {
    let body = message(text).expect("a message");
    let sections = texts(&body);
    assert!(sections.len() <= BLOCKS_MAX, "{} blocks", sections.len());
    for section in &sections {
        assert!((1..=SECTION_UNITS_MAX).contains(&units(section)), "{} units", units(section));
    }
    let total: usize = sections.iter().map(|section| units(section)).sum();
    assert!(total <= MESSAGE_UNITS_MAX, "{total} units in all");
    assert!(units(body["text"].as_str().expect("a fallback")) <= FALLBACK_UNITS_MAX);
    sections
}

#[test]
fn a_short_message_is_one_section_and_its_own_fallback() {
    let body = message("*Win 10 customers* is at 42% (Ann)\n").expect("a message");
    assert_eq!(body["text"], "*Win 10 customers* is at 42% (Ann)");
    assert_eq!(texts(&body), ["*Win 10 customers* is at 42% (Ann)"]);
    assert_eq!(body["blocks"][0]["type"], "section");
    assert_eq!(body["blocks"][0]["text"]["type"], "mrkdwn");
    assert_eq!(body["unfurl_links"], false);
}

#[test]
fn a_value_can_neither_mention_nor_link() {
    assert_eq!(
        escape("<!channel> & <https://evil|here>"),
        "&lt;!channel&gt; &amp; &lt;https://evil|here&gt;"
    );
    assert_eq!(escape("a\0b"), "ab");
}

#[test]
fn nothing_to_show_is_no_message() {
    assert_eq!(message(""), None);
    assert_eq!(message(" \n\t "), None);
}

#[test]
fn exactly_a_section_is_not_cut() {
    assert_eq!(check_limits(&"x".repeat(SECTION_UNITS_MAX)).len(), 1);
    assert_eq!(check_limits(&"x".repeat(SECTION_UNITS_MAX + 1)).len(), 2);
}

#[test]
fn a_long_text_is_cut_at_the_end_of_a_line_and_nothing_is_lost() {
    let text = (0..100)
        .map(|line| format!("{line:03} {}", "word ".repeat(16).trim_end()))
        .collect::<Vec<_>>()
        .join("\n");
    let sections = check_limits(&text);
    assert_eq!(sections.join("\n"), text);
    for section in &sections {
        assert!(
            section.as_bytes()[..3].iter().all(u8::is_ascii_digit),
            "starts inside a line: {section:.20}"
        );
    }
}

#[test]
fn a_long_line_is_cut_at_a_space() {
    let text = "ninechars ".repeat(700);
    let sections = check_limits(&text);
    assert_eq!(sections.join(" "), text.trim());
}

#[test]
fn an_entity_is_never_cut() {
    for shift in 0..6 {
        let text = format!("{}{}", "x".repeat(shift), "&amp;".repeat(1_500));
        let sections = check_limits(&text);
        assert_eq!(sections.concat(), text);
        for section in sections {
            assert_eq!(section.matches('&').count(), section.matches("&amp;").count(), "shift {shift}");
        }
    }
}

#[test]
fn a_link_is_never_cut() {
    let link = "<https://okr.example/kr/1|a key result>";
    for section in check_limits(&link.repeat(300)) {
        assert_eq!(section.matches('<').count(), section.matches('>').count());
    }
}

#[test]
fn an_unclosed_link_is_text_like_any_other() {
    let text = format!("<{}", "x".repeat(5_000));
    assert_eq!(check_limits(&text).concat(), text);
}

#[test]
fn a_grapheme_is_never_cut() {
    // A family: four people joined, eleven UTF-16 units.
    let family = "👨‍👩‍👧‍👦";
    for section in check_limits(&family.repeat(600)) {
        assert!(section.starts_with('👨') || section.contains("left out"), "{section:.40}");
        assert!(section.ends_with('👦') || section.contains("left out"));
    }
}

#[test]
fn marks_without_end_are_cut_rather_than_refused() {
    check_limits(&format!("e{}", "\u{301}".repeat(9_000)));
}

#[test]
fn what_is_too_long_for_slack_ends_with_a_note_of_what_is_missing() {
    let sections = check_limits(&"x".repeat(20_000));
    assert!(
        sections.last().expect("a section").ends_with("… (7060 characters left out)"),
        "{:?}",
        sections.last()
    );
}

#[test]
fn astral_characters_count_as_two() {
    assert_eq!(check_limits(&"🎯".repeat(1_501)).len(), 2);
}
