//! Conditions by example.

use super::*;
use crate::{OkrEvent, sample};

#[track_caller]
fn ask(source: &str, event: &OkrEvent) -> Verdict {
    Condition::compile(source).unwrap().matches(&EventView::new(event))
}

#[track_caller]
fn yes(source: &str) {
    assert_eq!(ask(source, &sample::full()), Verdict::Yes, "{source}");
}

#[track_caller]
fn no(source: &str) {
    assert_eq!(ask(source, &sample::full()), Verdict::No, "{source}");
}

/// Of the event that says only what it must.
#[track_caller]
fn unknown(source: &str) {
    let verdict = ask(source, &sample::bare());
    assert!(matches!(verdict, Verdict::Unknown(_)), "{source} is {verdict:?}");
}

#[track_caller]
fn refused(source: &str, expected: &str) {
    assert_eq!(Condition::compile(source).unwrap_err().to_string(), expected, "{source}");
}

#[test]
fn an_event_is_asked_by_the_names_of_its_json() {
    yes("event.department == 'sales' and event.change == 'checked_in'");
    yes("event.progress < 0.5 and event.status in ['at_risk', 'behind']");
    yes("event.subject.type == 'key_result' and event.cycle.end > '2026-03-01'");
    yes("event.metric.current / event.metric.target < event.confidence");
    yes("event.attributes.points | float > 3");
    yes("'reference' in event.subject.title | lower");
    no("event.progress >= 0.5");
    no("not event.source.name == 'acme'");
}

#[test]
fn touching_a_missing_value_makes_the_condition_unknown_and_never_true() {
    for comparison in ["<", "<=", ">", ">=", "==", "!="] {
        unknown(&format!("event.progress {comparison} 0.3"));
        unknown(&format!("0.3 {comparison} event.progress"));
    }
    unknown("event.progress");
    unknown("not event.progress");
    unknown("not event.owner");
    unknown("event.owner.name == 'Ada'");
    unknown("event.attributes.region == 'north'");
    unknown("event.department in ['sales']");
    unknown("'x' in event.note");
    unknown("event.note | lower == 'x'");
    unknown("event.metric.current - 1 < 0");
    unknown("'a' if event.progress else 'b'");
}

#[test]
fn the_verdict_says_what_is_missing() {
    let Verdict::Unknown(why) = ask("event.progress < 0.3", &sample::bare()) else { panic!("it is known") };
    assert!(why.contains("undefined"), "{why}");
}

#[test]
fn and_and_or_stop_at_the_side_that_decides() {
    let bare = sample::bare();
    assert_eq!(ask("event.status == 'behind' and event.progress < 0.3", &bare), Verdict::No);
    assert_eq!(ask("event.status == 'unknown' or event.progress < 0.3", &bare), Verdict::Yes);
    unknown("event.progress < 0.3 or event.status == 'unknown'");
    unknown("event.status == 'unknown' and event.progress < 0.3");
}

#[test]
fn has_asks_without_touching() {
    let bare = sample::bare();
    for missing in
        ["event.progress", "event.owner", "event.owner.name", "event.attributes.region", "event['team']"]
    {
        assert_eq!(ask(&format!("has({missing})"), &bare), Verdict::No, "{missing}");
        assert_eq!(
            ask(&format!("not has({missing}) and event.revision == 0"), &bare),
            Verdict::Yes,
            "{missing}"
        );
    }
    yes("has(event.progress) and has( event.owner.name ) and has(event.attributes.points)");
    yes("has(event.subject['title'])");
    no("has(event.attributes.region)");
    no("has(none)");
    assert_eq!(ask("has(event.progress) and event.progress < 0.3", &bare), Verdict::No);
    assert_eq!(ask("event.progress is not defined", &bare), Verdict::Yes);
}

#[test]
fn zero_is_a_value() {
    let mut event = sample::bare();
    event.progress = Some(0.0);
    assert_eq!(ask("has(event.progress) and event.progress < 0.3", &event), Verdict::Yes);
}

#[test]
fn a_wrong_condition_is_refused_with_line_and_reason() {
    refused("event.progress <", "line 1: syntax error: unexpected end of input, expected expression");
    refused("event.change == 'x'\nand event.progress < < 3", "line 2: syntax error: unexpected `<`");
    refused("", "syntax error: unexpected end of input, expected expression");
    refused(
        "true and\nevent.progres < 0.3",
        "line 2: there is no `event.progres`, did you mean `event.progress`?",
    );
    refused("has(event.progres)", "line 1: there is no `event.progres`, did you mean `event.progress`?");
    refused("progress < 0.3", "line 1: there is no `progress` here, only `event`");
    refused("event.title | shout == 'A'", "line 1: there is no filter `shout`");
    refused("event.note is shouted", "line 1: there is no test `shouted`");
    refused("now() > 3", "line 1: there is no `now` here, only `event`");
    refused("event.note.upper() == 'A'", "line 1: `event.note` has no fields");
    assert!(Condition::compile("has(event.progress").is_err());
    assert!(Condition::compile("has()").is_err());
}

#[test]
fn lines_keep_their_numbers_after_a_has_over_several_lines() {
    let error = Condition::compile("has(\n event.progress\n) and\n event.progress < <").unwrap_err();
    assert_eq!(error.line, Some(4));
}

#[test]
fn an_endless_expression_runs_out_of_fuel() {
    let condition = Condition::compile("(range(100000) | list | length) * 2 > 1").unwrap();
    let verdict = condition.matches(&EventView::new(&sample::full()));
    assert!(matches!(&verdict, Verdict::Unknown(why) if why.contains("fuel")), "{verdict:?}");
    unknown("('x' * 1000000000) | length > 1");
}

#[test]
fn a_division_by_zero_is_unknown() {
    unknown("1 / (event.revision) > 'x' * 3");
}
