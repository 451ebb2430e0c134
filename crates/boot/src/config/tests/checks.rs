//! What is refused, and in which words.

use super::*;

#[test]
fn an_unknown_key_is_told_with_its_line_and_the_nearest_known_one() {
    check(
        read("data_dir = 'x'\n\n[gateway]\nlisten = '127.0.0.1:1'\nlisen = '127.0.0.1:1'\n"),
        &["okr.toml:5: unknown key `gateway.lisen`, did you mean `listen`?"],
    );
    check(
        read("[gatway]\nlisten = '127.0.0.1:1'"),
        &["okr.toml:1: unknown section `gatway`, did you mean `gateway`?"],
    );
    check(read("data-dir = 'x'"), &["okr.toml:1: unknown key `data-dir`, did you mean `data_dir`?"]);
    check(read("[registry]\ncolour = 1"), &["okr.toml:2: unknown key `registry.colour`; known here: `url`"]);
}

#[test]
fn unknown_keys_are_found_inside_names_lists_and_inline_tables() {
    check(
        read("[sources.acme]\nkind = 'x'\nsecret = ['a']"),
        &["okr.toml:3: unknown key `sources.acme.secret`, did you mean `secrets`?"],
    );
    check(
        read("[[routes]]\nto = ['a']\n\n[[routes]]\nto = ['a']\nwhem = 'true'"),
        &["okr.toml:6: unknown key `routes[1].whem`, did you mean `when`?"],
    );
    check(
        read("[sources.acme]\nverify = { scheme = 'bearer', tolerence = '1m' }"),
        &["okr.toml:2: unknown key `sources.acme.verify.tolerence`, did you mean `tolerance`?"],
    );
    check(
        read("sources.acme.verify.shceme = 'bearer'"),
        &["okr.toml:1: unknown key `sources.acme.verify.shceme`, did you mean `scheme`?"],
    );
}

#[test]
fn a_mistyped_key_beside_free_names_is_not_taken_for_a_name() {
    check(
        read("[departments]\npartitons = 3"),
        &["okr.toml:2: unknown key `departments.partitons`, did you mean `partitions`?"],
    );
    check(read("[sources]\nacme = 'x'"), &["okr.toml:2: `sources.acme` must be a table, not a text"]);
    check(read("[departments]\npartitions = 3\n[departments.sales]\npartitions = '0-2'"), &[]);
}

#[test]
fn a_wrong_kind_is_told_with_its_line_and_what_is_expected() {
    let cases = [
        ("kafka.brokers = 'a'", "`kafka.brokers` must be a list of texts such as [\"a\", \"b\"], not a text"),
        ("kafka.brokers = [1]", "`kafka.brokers` must be a list of texts such as [\"a\", \"b\"]"),
        ("kafka.replication = '3'", "`kafka.replication` must be a whole number, not a text"),
        (
            "kafka.replication = 1.5",
            "`kafka.replication` must be a whole number, not a number with a fraction",
        ),
        ("kafka = 1", "`kafka` must be a table, not an integer"),
        (
            "gateway.request_deadline = 10",
            "`gateway.request_deadline` must be a duration such as \"10s\" or \"5m\", not an integer",
        ),
        (
            "gateway.request_deadline = '10'",
            "`gateway.request_deadline` must be a duration such as \"10s\" or \"5m\", not `10`",
        ),
        (
            "gateway.body_max = -1",
            "`gateway.body_max` must be a size such as \"512KiB\" or a number of bytes",
        ),
        ("gateway.keep_arrivals = 'yes'", "`gateway.keep_arrivals` must be true or false, not a text"),
        (
            "gateway.listen = '8080'",
            "`gateway.listen` must be an address such as \"127.0.0.1:8080\", not `8080`",
        ),
        ("data_dir = 2026-01-01", "`data_dir` must be a text, not a date or time"),
        (
            "sources.a.rate_limit = 'fast'",
            "`sources.a.rate_limit` must be a rate such as \"50/s\" or \"30/m\", or \"none\", not `fast`",
        ),
        (
            "sources.a.verify.scheme = 'rot13'",
            "`sources.a.verify.scheme` must be one of \"hmac-sha256\", \"bearer\", not `rot13`",
        ),
        (
            "sources.a.event.title = 1",
            "`sources.a.event.title` must be an expression, written as a text, not an integer",
        ),
        ("destinations.a.options = 1", "`destinations.a.options` must be a table, not an integer"),
        ("routes.to = ['a']", "`routes` is a list of tables, each of them begins with [[routes]]"),
    ];
    for (text, expected) in cases {
        check(read(&format!("\n{text}")), &[&format!("okr.toml:2: {expected}")]);
    }
}

#[test]
fn a_secret_is_a_text_or_a_reference_and_never_shown_in_an_error() {
    for right in ["'hush'", "{ env = 'NAME' }", "{ file = '/x' }"] {
        check(read(&format!("kafka.security.password = {right}\nsources.a.secrets = [{right}]")), &[]);
    }
    for wrong in [
        "{ env = '' }",
        "{ env = 1 }",
        "{ vault = 'hush' }",
        "{ env = 'A', file = 'hush' }",
        "{}",
        "31337",
        "['hush']",
    ] {
        let error = read(&format!("kafka.security.password = {wrong}")).unwrap_err().to_string();
        assert!(
            error.starts_with("okr.toml:1: `kafka.security.password` must be a secret: { env"),
            "{error}"
        );
        assert!(!error.contains("hush") && !error.contains("31337"), "{error}");
    }
    check(
        read("[sources.a]\nsecrets = 'hush'"),
        &[
            "okr.toml:2: `sources.a.secrets` must be a list of secrets such as [{ env = \"NAME\" }], not a text",
        ],
    );
}

#[test]
fn a_table_without_keys_of_its_own_is_free() {
    check(read("destinations.a.options = { anything = [1, { goes = true }] }"), &[]);
}

#[test]
fn all_findings_come_at_once_in_the_order_of_the_file() {
    let errors = overlaid(
        "[kafka]\nreplication = 'x'\nbrokerz = 1\n[gateway]\nlisten = 1\n",
        &[("OKR_ROUTER__GATEWAY__BODY_MAX", "huge")],
        &[("gateway.keep_arrivals", "perhaps")],
    )
    .unwrap_err();
    let places: Vec<&str> = errors.0.iter().map(|finding| finding.at.as_str()).collect();
    let expected = [
        "okr.toml:2",
        "okr.toml:3",
        "okr.toml:5",
        "environment OKR_ROUTER__GATEWAY__BODY_MAX",
        "command line gateway.keep_arrivals",
    ];
    assert_eq!(places, expected, "{errors}");
}

#[test]
fn what_is_not_toml_is_told_in_plain_words_with_its_line() {
    check(
        read("[kafka]\nreplication = 1\nreplication = 2"),
        &["okr.toml:3: this key is given twice; keep one of them"],
    );
    check(
        read("[kafka]\nreplication = 1\n[kafka]"),
        &["okr.toml:3: this key is given twice; keep one of them"],
    );
    let errors = read("data_dir = 'x'\n[kafka\nreplication = 1\nbrokers = [,]").unwrap_err();
    let shown = errors.to_string();
    assert!(shown.starts_with("okr.toml:2: not valid TOML: "), "{shown}");
    assert!(shown.contains("okr.toml:4: not valid TOML: "), "{shown}");
    check(
        read("[kafka]\nreplication = 99999999999999999999"),
        &["okr.toml:2: this whole number is too large"],
    );
    check(read("[sources.a]\nprogress_scale = inf"), &["okr.toml:2: this number is not finite"]);
}

#[test]
fn a_default_that_is_not_of_its_kind_is_found() {
    let keys = [key("a", Kind::Span, Some("\"soon\"")), key("b", Kind::Flag, Some("yes"))];
    let errors = Document::read("", "okr.toml", &[], &[], &keys).unwrap_err();
    check(
        Err(errors),
        &[
            "okr.toml: the default of `a` must be a duration such as \"10s\" or \"5m\", not `soon`",
            "okr.toml: the default of `b` must be written as TOML",
        ],
    );
}

#[test]
fn our_own_keys_are_in_order() {
    let keys: Vec<Key> = crate::KEYS.iter().copied().chain(crate::unbuilt_keys()).collect();
    let document = Document::read("[console]\nlisten = '127.0.0.1:1'", "okr.toml", &[], &[], &keys).unwrap();
    assert_eq!(document.unbuilt(), ["console"]);
}
