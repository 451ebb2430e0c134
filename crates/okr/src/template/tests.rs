//! Templates by example.

use super::*;
use crate::{Change, OkrEvent, Person, sample};

fn angle(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn render(source: &str, event: &OkrEvent) -> String {
    Template::compile(source).unwrap().render(&EventView::new(event), angle).unwrap()
}

#[track_caller]
fn check(source: &str, expected: &str) {
    assert_eq!(render(source, &sample::full()), expected, "{source}");
}

/// Of the event that says only what it must.
#[track_caller]
fn bare(source: &str, expected: &str) {
    assert_eq!(render(source, &sample::bare()), expected, "{source}");
}

#[test]
fn the_example_of_the_config() {
    let source = "*{{ event.subject.title }}* is at {{ event.progress | percent }} ({{ event.owner.name }})";
    check(source, "*Win ten reference customers* is at 42% (Ada Lovelace)");
}

#[test]
fn what_is_missing_renders_as_nothing_at_any_depth() {
    bare("[{{ event.note }}{{ event.owner.name }}{{ event.owner }}{{ none }}]", "[]");
    bare("[{{ event.progress | percent }}]", "[]");
    bare("{% if event.owner %}yes{% else %}no{% endif %}", "no");
    bare("{{ event.note | default('no note') }}", "no note");
    bare("[{{ event.note | upper }}|{{ event.note | trim }}|{{ event.attributes.region }}]", "[||]");
}

#[test]
fn percent_rounds_to_whole_ones() {
    for (ratio, expected) in
        [(0.0, "0%"), (0.42, "42%"), (0.425, "43%"), (1.0, "100%"), (6.5, "650%"), (-0.001, "0%")]
    {
        check(&format!("{{{{ {ratio:?} | percent }}}}"), expected);
    }
    check("{{ '0.42' | percent }} {{ 1 | percent }} {{ 'n/a' | percent }}", "42% 100% n/a");
}

#[test]
fn numbers_look_as_people_write_them() {
    check(
        "{{ 0.1 + 0.2 }} {{ 42.0 }} {{ 1234567.25 }} {{ 100 }} {{ 0.0000001 }} {{ -0.0 }}",
        "0.3 42 1234567.25 100 0 0",
    );
    check(
        "{{ event.metric.current }} of {{ event.metric.target }} {{ event.metric.unit }}",
        "4.2 of 10 customers",
    );
}

#[test]
fn values_are_escaped_as_they_are_put_in_and_the_template_is_not() {
    let mut event = sample::full();
    event.subject.title = Some("<!channel> & co".to_owned());
    let escaped = "&lt;!channel&gt; &amp; co";
    assert_eq!(render("<b>{{ event.subject.title }}</b> &", &event), format!("<b>{escaped}</b> &"));
    assert_eq!(render("{{ '<' ~ event.subject.title }}", &event), format!("&lt;{escaped}"));
    assert_eq!(render("{% for c in ['<'] %}{{ c }}{% endfor %}", &event), "&lt;");
    assert_eq!(
        render("{% set t %}<i>{{ event.subject.title }}</i>{% endset %}{{ t }}", &event),
        format!("<i>{escaped}</i>")
    );
    assert_eq!(render("{{ [event.subject.title, 'b'] | join('<') }}", &event), format!("{escaped}&lt;b"));
}

#[test]
fn no_filter_lets_a_value_past_the_escape() {
    for filter in ["safe", "escape", "e", "tojson"] {
        let error = Template::compile(&format!("{{{{ event.note | {filter} }}}}")).unwrap_err();
        assert_eq!(error.to_string(), format!("line 1: there is no filter `{filter}`"));
    }
}

#[test]
fn a_wrong_template_is_refused_with_line_and_reason() {
    let refused = |source: &str, expected: &str| {
        assert_eq!(Template::compile(source).unwrap_err().to_string(), expected, "{source}");
    };
    refused(
        "a\n{{ event.note",
        "line 2: syntax error: unexpected end of input, expected end of variable block",
    );
    refused("a\nb\n{{ event.note_ }}", "line 3: there is no `event.note_`, did you mean `event.note`?");
    refused("{{ user.name }}", "line 1: there is no `user` here, only `event`");
    refused("{% if event.note | shout %}{% endif %}", "line 1: there is no filter `shout`");
}

#[test]
fn text_that_looks_like_a_filter_is_text() {
    check("progress | owner is good", "progress | owner is good");
}

#[test]
fn the_default_says_title_percent_and_owner() {
    check(DEFAULT_TEMPLATE, "Win ten reference customers is at 42% (Ada Lovelace)");
}

#[test]
fn the_default_leaves_no_gap_where_something_is_missing() {
    bare(DEFAULT_TEMPLATE, "key result kr-7: checked in");
    let mut event = sample::bare();
    event.progress = Some(0.0);
    event.owner = Some(Person { email: Some("ada@okr.example".to_owned()), ..Person::default() });
    assert_eq!(render(DEFAULT_TEMPLATE, &event), "key result kr-7 is at 0% (ada@okr.example)");
    event.progress = None;
    event.change = Change::Unknown;
    assert_eq!(render(DEFAULT_TEMPLATE, &event), "key result kr-7 (ada@okr.example)");
}

#[test]
fn an_endless_template_runs_out_of_fuel() {
    let template =
        Template::compile("{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}")
            .unwrap();
    let error = template.render(&EventView::new(&sample::full()), angle).unwrap_err();
    assert!(error.message.contains("fuel"), "{error}");
}

#[test]
fn a_template_may_be_rendered_by_many_threads_at_once() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Template::compile(DEFAULT_TEMPLATE).unwrap());
    shared(&crate::Condition::compile("event.revision == 0").unwrap());
    shared(&EventView::new(&sample::full()));
}
