//! Which route has an event, and which routes stop the start.

use okr::{EventView, OkrEvent};

use super::{event, names, route};
use crate::{RouteConfig, Routes};

#[track_caller]
fn check_chosen(configs: &[RouteConfig], event: &OkrEvent, chosen: Option<&str>, unknown: &[&str]) {
    let routes = Routes::compile(configs, &names(&["sales-slack", "terminal"])).expect("routes");
    let choice = routes.choose(&EventView::new(event));
    assert_eq!(choice.route.map(|route| route.name.as_str()), chosen);
    assert_eq!(choice.unknown, unknown);
}

#[track_caller]
fn check_refused(configs: &[RouteConfig], expected: &[(&str, &str)]) {
    let errors = Routes::compile(configs, &names(&["sales-slack", "terminal"])).expect_err("refused");
    assert_eq!(errors.len(), expected.len(), "{errors:?}");
    for (error, (path, word)) in errors.iter().zip(expected) {
        assert_eq!(error.path, *path, "{error}");
        assert!(error.problem.contains(word), "`{word}` is not in: {error}");
    }
}

#[test]
fn the_first_route_that_matches_has_the_event() {
    let configs = [
        route("engineering", "event.department == 'engineering'", &["terminal"]),
        route(
            "sales check-ins",
            "event.department == 'sales' and event.change == 'checked_in'",
            &["sales-slack"],
        ),
        route("everything", "", &["terminal"]),
    ];
    check_chosen(&configs, &event(), Some("sales check-ins"), &[]);
    let mut other = event();
    other.department = None;
    other.change = okr::Change::Created;
    check_chosen(&configs[..2], &other, None, &["engineering", "sales check-ins"]);
}

#[test]
fn an_event_without_progress_is_not_below_a_third_and_the_route_is_named() {
    let configs = [route("low", "event.progress < 0.3", &["terminal"]), route("rest", "", &["terminal"])];
    let mut silent = event();
    silent.progress = None;
    check_chosen(&configs, &silent, Some("rest"), &["low"]);
    check_chosen(&configs, &event(), Some("rest"), &[]);
    let mut low = event();
    low.progress = Some(0.1);
    check_chosen(&configs, &low, Some("low"), &[]);
}

#[test]
fn a_condition_that_does_not_compile_stops_the_start() {
    check_refused(&[route("a", "event.department ==", &["terminal"])], &[("routes[0].when", "")]);
    check_refused(
        &[route("a", "event.departmnt == 'x'", &["terminal"])],
        &[("routes[0].when", "event.department")],
    );
}

#[test]
fn a_template_that_does_not_compile_stops_the_start() {
    let mut wrong = route("a", "", &["terminal"]);
    wrong.template = Some("first\n{{ event.subject.titel }}".into());
    check_refused(&[route("b", "", &["terminal"]), wrong], &[("routes[1].template", "title")]);
}

#[test]
fn a_destination_that_is_not_there_stops_the_start_naming_the_nearest() {
    check_refused(&[route("a", "", &["sales-slak"])], &[("routes[0].to", "did you mean `sales-slack`?")]);
    check_refused(&[route("a", "", &["pager"])], &[("routes[0].to", "sales-slack, terminal")]);
    check_refused(&[route("a", "", &[])], &[("routes[0].to", "names no destination")]);
    let alone = Routes::compile(&[route("a", "", &["pager"])], &[]).expect_err("refused");
    assert!(alone[0].problem.contains("none is configured"), "{alone:?}");
}

#[test]
fn two_routes_of_one_name_stop_the_start() {
    let configs =
        [route("a", "", &["terminal"]), route("a", "", &["terminal"]), route(" ", "", &["terminal"])];
    check_refused(
        &configs,
        &[("routes[1].name", "called `a` already"), ("routes[2].name", "must not be empty")],
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut wrong = route("a", "event.", &["pager"]);
    wrong.template = Some("{{".into());
    check_refused(&[wrong], &[("routes[0].to", "pager"), ("routes[0].when", ""), ("routes[0].template", "")]);
}

#[test]
fn the_documented_route_is_read_and_an_unknown_key_is_not() {
    let read = |text: &str| toml::from_str::<RouteConfig>(text);
    let config = read(
        "name = 'sales check-ins'\nwhen = \"event.department == 'sales'\"\nto = ['sales-slack']\ntemplate = '*{{ event.subject.title }}*'",
    );
    check_chosen(&[config.expect("a route")], &event(), Some("sales check-ins"), &[]);
    assert!(
        read("name = 'a'\nto = []\nif = 'x'")
            .expect_err("refused")
            .to_string()
            .contains("unknown field `if`")
    );
}
