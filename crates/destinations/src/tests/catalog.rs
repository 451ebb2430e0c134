//! What the configuration may say, and what stops the start.

use boot::{SecretRef, Span, system_clock};
use outbox::Form;

use super::{TOKEN, built, config};
use crate::{DestinationConfig, build, catalog, check};

const URL: &str = "https://hooks.example/services/T0/B0/XsecretXtokenXofXtheXhookX";

fn parsed(text: &str) -> DestinationConfig {
    toml::from_str(text).expect("a table")
}

#[track_caller]
fn check_refused(name: &str, config: &DestinationConfig, path: &str, words: &[&str]) {
    let Err(error) = build(name, config, system_clock()) else { panic!("built") };
    assert_eq!(error.path, path);
    let needs_no_secret = !error.problem.contains("is not set");
    assert_eq!(check(name, config).err(), needs_no_secret.then(|| error.clone()), "checked without fetching");
    for word in words {
        assert!(error.problem.contains(word), "`{word}` is not in: {}", error.problem);
    }
    assert!(!format!("{error} {error:?} {config:?}").contains(TOKEN), "the URL is in {error}");
}

#[test]
fn the_documented_examples_are_built_with_their_defaults() {
    let slack = built(&parsed(&format!("kind = 'slack'\nurl = '{URL}'")));
    assert_eq!((slack.name(), slack.form(), slack.rate().to_string()), ("sales", Form::Text, "1/s".into()));
    let http = built(&parsed("kind = 'http'\nurl = 'http://127.0.0.1:9999/hook'\nrate = 'none'"));
    assert_eq!((http.form(), http.rate().is_bounded()), (Form::Event, false));
    let terminal = built(&parsed("kind = 'terminal'"));
    assert_eq!((terminal.form(), terminal.concurrency()), (Form::Text, 1));
}

#[test]
fn a_kind_that_is_not_built_is_refused_by_name() {
    check_refused(
        "ops",
        &parsed("kind = 'teams'"),
        "destinations.ops.kind",
        &["`teams` is not built", "slack"],
    );
    check_refused(
        "ops",
        &parsed("kind = 'pagerduty'"),
        "destinations.ops.kind",
        &["`pagerduty` is not built"],
    );
    check_refused("ops", &parsed("kind = 'slakc'"), "destinations.ops.kind", &["did you mean `slack`?"]);
    check_refused("ops", &parsed("kind = 'pigeon'"), "destinations.ops.kind", &["unknown kind `pigeon`"]);
}

#[test]
fn a_key_that_the_kind_does_not_read_is_refused() {
    check_refused(
        "t",
        &config("terminal", URL),
        "destinations.t.url",
        &["`terminal` has no such key", "rate"],
    );
    let unknown = toml::from_str::<DestinationConfig>("kind = 'slack'\nchannel = '#sales'");
    assert!(unknown.expect_err("refused").to_string().contains("unknown field `channel`"));
}

#[test]
fn what_is_no_url_is_refused_without_being_quoted() {
    let path = "destinations.ops.url";
    check_refused("ops", &parsed("kind = 'slack'"), path, &["is missing"]);
    check_refused("ops", &config("slack", TOKEN), path, &["is no URL"]);
    check_refused("ops", &config("slack", &format!("https://[{TOKEN}/")), path, &["is no URL"]);
    check_refused(
        "ops",
        &config("http", &format!("ftp://host/{TOKEN}")),
        path,
        &["must begin with https://"],
    );
}

#[test]
fn a_secret_that_cannot_be_had_names_its_place() {
    let config = parsed("kind = 'slack'\nurl = { env = 'OKR_ROUTER_TEST_NEVER_SET' }");
    check_refused("ops", &config, "destinations.ops.url", &["OKR_ROUTER_TEST_NEVER_SET is not set"]);
}

#[test]
fn values_out_of_range_are_refused() {
    let mut zero = config("slack", URL);
    zero.timeout = Some(Span::millis(0));
    check_refused("ops", &zero, "destinations.ops.timeout", &["above zero"]);
    let mut none = config("slack", URL);
    none.concurrency = Some(0);
    check_refused("ops", &none, "destinations.ops.concurrency", &["1 to 1000"]);
    check_refused("a b", &config("slack", URL), "destinations.a b", &["1 to 64"]);
    check_refused("a.b", &config("slack", URL), "destinations.a.b", &["1 to 64"]);
    check_refused("", &config("slack", URL), "destinations.", &["1 to 64"]);
}

#[test]
fn one_url_behind_two_names_shares_one_rate() {
    let key = |url: &str| build("other", &config("slack", url), system_clock()).expect("built").rate_key();
    assert_eq!(key(URL), built(&config("slack", URL)).rate_key());
    assert_ne!(key(URL), key("https://hooks.example/services/T0/B0/another"));
    assert!(!key(URL).contains(TOKEN));
}

#[test]
fn only_a_secret_that_stands_in_the_file_is_one_for_dev_alone() {
    assert!(config("slack", URL).has_literal_secret());
    assert!(!config("http", URL).has_literal_secret());
    let mut elsewhere = config("slack", URL);
    elsewhere.url = Some(SecretRef::Env { env: "SLACK_SALES_URL".into() });
    assert!(!elsewhere.has_literal_secret());
}

#[test]
fn the_catalog_names_what_is_built() {
    assert_eq!(catalog().collect::<Vec<_>>(), ["http", "slack", "terminal"]);
}
