//! The environment over the file, and the command line over both.

use super::*;

#[track_caller]
fn value<T: serde::de::DeserializeOwned>(document: &Document, path: &str) -> T {
    document.section(path).unwrap()
}

#[test]
fn the_environment_beats_the_file_and_the_command_line_beats_both() {
    let file = "[gateway]\nlisten = '127.0.0.1:1'\nbody_max = 1\nrequest_deadline = '1s'";
    let env = [("OKR_ROUTER__GATEWAY__LISTEN", "127.0.0.1:2"), ("OKR_ROUTER__GATEWAY__BODY_MAX", "2KiB")];
    let document = overlaid(file, &env, &[("gateway.listen", "127.0.0.1:3")]).unwrap();
    assert_eq!(value::<String>(&document, "gateway.listen"), "127.0.0.1:3");
    assert_eq!(value::<crate::Bytes>(&document, "gateway.body_max"), crate::Bytes(2048));
    assert_eq!(document.at("gateway.listen"), "command line gateway.listen");
    assert_eq!(document.at("gateway.body_max"), "environment OKR_ROUTER__GATEWAY__BODY_MAX");
    assert_eq!(document.at("gateway.request_deadline"), "okr.toml:4");
    assert_eq!(document.at("gateway.keep_arrivals"), "okr.toml:1");
    assert_eq!(document.at("kafka.brokers"), "okr.toml");
    assert!(document.is_overlaid() && !overlaid(file, &[], &[]).unwrap().is_overlaid());
    assert_eq!((document.line("gateway.listen"), document.line("gateway.request_deadline")), (None, Some(4)));
}

#[test]
fn a_name_with_dashes_is_found_and_a_new_one_is_made() {
    let file = "[destinations.sales-slack]\nurl = 'x'\n[sources.Acme]\nkind = 'okr'";
    let env = [
        ("OKR_ROUTER__DESTINATIONS__SALES_SLACK__URL", "y"),
        ("OKR_ROUTER__SOURCES__ACME__KIND", "generic"),
        ("OKR_ROUTER__SOURCES__NEW_ONE__KIND", "okr"),
        ("OKR_ROUTER_CONFIG", "not ours: one underscore"),
    ];
    let document = overlaid(file, &env, &[]).unwrap();
    assert_eq!(value::<String>(&document, "destinations.sales-slack.url"), "y");
    assert_eq!(document.names("destinations"), ["sales-slack"]);
    assert_eq!(value::<String>(&document, "sources.Acme.kind"), "generic");
    assert_eq!(document.names("sources"), ["Acme", "new_one"]);
}

#[test]
fn a_value_is_read_as_its_key_needs_it() {
    let env = [
        ("OKR_ROUTER__KAFKA__SECURITY__USERNAME", "12345"),
        ("OKR_ROUTER__KAFKA__BROKERS", "a:1, b:2"),
        ("OKR_ROUTER__KAFKA__REPLICATION", "1"),
        ("OKR_ROUTER__KAFKA__SECURITY__PASSWORD", "{ env = \"KAFKA_PASSWORD\" }"),
        ("OKR_ROUTER__DATA_DIR", "\"quoted\""),
        ("OKR_ROUTER__SOURCES__A__SECRETS__ENV", "ACME_SECRET"),
        ("OKR_ROUTER__SOURCES__B__SECRETS", "[{ env = 'X' }, { env = 'Y' }]"),
        ("OKR_ROUTER__SOURCES__C__SECRETS", "whsec_x"),
        ("OKR_ROUTER__REGISTRY__URL__FILE", "/run/url"),
        ("OKR_ROUTER__GATEWAY__REQUEST_DEADLINE", "3s"),
        ("OKR_ROUTER__ROUTES", "[{ to = ['a'] }, { to = ['b'] }]"),
    ];
    let document = overlaid("", &env, &[]).unwrap();
    assert_eq!(value::<String>(&document, "kafka.security.username"), "12345");
    assert_eq!(value::<Vec<String>>(&document, "kafka.brokers"), ["a:1", "b:2"]);
    assert_eq!(value::<i32>(&document, "kafka.replication"), 1);
    assert_eq!(value::<String>(&document, "data_dir"), "quoted");
    assert_eq!(value::<String>(&document, "kafka.security.password.env"), "KAFKA_PASSWORD");
    assert_eq!(value::<String>(&document, "sources.a.secrets[0].env"), "ACME_SECRET");
    assert_eq!(value::<String>(&document, "sources.b.secrets[1].env"), "Y");
    assert_eq!(document.literals(), ["sources.c.secrets[0]"]);
    assert_eq!(value::<String>(&document, "registry.url.file"), "/run/url");
    assert_eq!(value::<String>(&document, "routes[1].to[0]"), "b");
}

#[test]
fn an_item_of_a_list_is_named_by_its_number() {
    let file = "[[routes]]\nto = ['a']\n[[routes]]\nto = ['b']";
    let document =
        overlaid(file, &[("OKR_ROUTER__ROUTES__1__TO", "c,d")], &[("routes[0].when", "false")]).unwrap();
    assert_eq!(value::<Vec<String>>(&document, "routes[1].to"), ["c", "d"]);
    assert_eq!(value::<String>(&document, "routes[0].when"), "false");
    check(
        overlaid(file, &[("OKR_ROUTER__ROUTES__7__TO", "c")], &[]),
        &["environment OKR_ROUTER__ROUTES__7__TO: cannot set `routes[7].to`: `routes` does not hold it"],
    );
}

#[test]
fn an_unknown_variable_is_refused_by_its_own_name() {
    let env = [("OKR_ROUTER__GATEWAY__LISEN", "x"), ("OKR_ROUTER__NO_ROOM__KEY", "1")];
    check(
        overlaid("", &env, &[("gateway.portt", "1")]),
        &[
            "environment OKR_ROUTER__GATEWAY__LISEN: unknown key `gateway.lisen`, did you mean `listen`?",
            "environment OKR_ROUTER__NO_ROOM__KEY: unknown section `no_room`; known here: `data_dir`, `kafka`, \
             `registry`, `gateway`, `departments`, `sources`, `destinations`, `routes`, `store`",
            "command line gateway.portt: unknown key `gateway.portt`; known here: `listen`, `request_deadline`, \
             `body_max`, `keep_arrivals`",
        ],
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_told_with_its_variable() {
    check(
        overlaid("", &[("OKR_ROUTER__KAFKA__REPLICATION", "three")], &[]),
        &[
            "environment OKR_ROUTER__KAFKA__REPLICATION: `kafka.replication` must be a whole number, not a text",
        ],
    );
}
