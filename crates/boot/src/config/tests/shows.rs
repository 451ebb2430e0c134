//! Reading sections, and showing the configuration.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::{Bytes, SecretRef, Span};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    kind: String,
    #[serde(default)]
    secrets: Vec<SecretRef>,
    #[serde(default)]
    verify: Option<Verify>,
}

#[derive(Debug, Deserialize)]
struct Verify {
    scheme: Scheme,
    tolerance: Option<Span>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Scheme {
    HmacSha256,
    Bearer,
}

#[derive(Debug, Deserialize)]
struct Gateway {
    #[serde(default = "Gateway::body_max")]
    body_max: Bytes,
    listen: Option<std::net::SocketAddr>,
}

impl Gateway {
    fn body_max() -> Bytes {
        Bytes(512 << 10)
    }
}

#[test]
fn a_section_reads_as_a_struct_with_serdes_defaults() {
    let text = "[sources.a]\nkind = 'okr'\nsecrets = ['x', { env = 'Y' }]\nverify = { scheme = 'hmac-sha256', tolerance = '1m' }";
    let document = read(text).unwrap();
    let sources: BTreeMap<String, Source> = document.section("sources").unwrap();
    let verify = sources["a"].verify.as_ref().unwrap();
    assert_eq!((sources["a"].kind.as_str(), sources["a"].secrets.len()), ("okr", 2));
    assert_eq!((&verify.scheme, verify.tolerance), (&Scheme::HmacSha256, Some(Span::seconds(60))));
    let gateway: Gateway = document.section("gateway").unwrap();
    assert_eq!((gateway.body_max, gateway.listen), (Gateway::body_max(), None));
    assert!(document.section::<Vec<Source>>("routes").unwrap().is_empty());
    assert!(!document.has("gateway") && document.has("sources.a.verify.scheme"));
}

#[test]
fn what_serde_finds_is_told_with_its_key_and_line() {
    let cases = [
        ("\n[sources.a]\nsecrets = []", "okr.toml:2: `sources.a`: the key `kind` is missing"),
        (
            "[sources.a]\nkind = 'x'\nrate_limit = '1/s'",
            "okr.toml:1: `sources.a`: unknown key `rate_limit`; known here: `kind`, `secrets`, `verify`",
        ),
        (
            "[sources.a]\nkind = 'x'\nverify.tolerance = '1m'",
            "okr.toml:3: `sources.a.verify`: the key `scheme` is missing",
        ),
    ];
    for (text, expected) in cases {
        let error = read(text).unwrap().section::<BTreeMap<String, Source>>("sources").unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let error = read("").unwrap().section::<Source>("sources.b").unwrap_err();
    assert_eq!(error.to_string(), "okr.toml: `sources.b`: the key `kind` is missing");
    let error = read("kafka.replication = 300").unwrap().section::<u8>("kafka.replication").unwrap_err();
    assert_eq!(
        error.to_string(),
        "okr.toml:1: `kafka.replication`: invalid value: integer `300`, expected u8"
    );
}

#[test]
fn the_shared_sections_have_defaults_and_they_are_the_ones_of_the_list() {
    let empty = Document::read("", "okr.toml", &[], &[], crate::KEYS).unwrap();
    let defaults = Document::read(&empty.print(), "printed", &[], &[], crate::KEYS).unwrap();
    let [one, other]: [crate::Shared; 2] = [&empty, &defaults].map(|document| document.section("").unwrap());
    let filter = |shared: &crate::Shared| shared.log.filter.clone().unwrap_or("info".to_owned());
    assert_eq!(filter(&one), filter(&other));
    let told = |shared: crate::Shared| {
        let log = crate::LogConfig { filter: None, ..shared.log.clone() };
        format!(
            "{:?} {:?}",
            crate::Shared { log, ..shared.clone() },
            shared.registry.url.resolve().unwrap().expose()
        )
    };
    assert_eq!(told(one.clone()), told(other));
    assert_eq!(one.store_url().resolve().unwrap().expose(), "file:okr-router-data/state.db");
    assert_eq!((one.kafka.replication, one.kafka.min_insync_replicas, one.kafka.partitions), (3, 2, 6));
}

#[test]
fn literals_are_listed_by_path() {
    let document = read(
        "[sources.a]\nsecrets = [{ env = 'X' }, 'hush']\nverify = { scheme = 'bearer', secrets = ['hush'] }\n\
         [destinations.s]\nurl = 'https://hooks.example/T/B/hush'\n[destinations.t]\nurl = { env = 'URL' }\n\
         [registry]\nurl = 'http://registry:8081'",
    )
    .unwrap();
    assert_eq!(
        document.literals(),
        ["destinations.s.url", "registry.url", "sources.a.secrets[1]", "sources.a.verify.secrets[0]"]
    );
}

const PRINTED: &str = r#"data_dir = "data"  # default

[kafka]
brokers = ["127.0.0.1:9092"]  # default
replication = 1  # environment OKR_ROUTER__KAFKA__REPLICATION

[kafka.security]
username = "me"
password = "…"

[registry]
url = "postgres://me:…@host:1/db?…"

[gateway]
listen = "127.0.0.1:8080"  # default
request_deadline = "10s"  # default
body_max = "512KiB"  # default
keep_arrivals = false

[departments]
partitions = 24  # default

[departments."R & D"]
partitions = "0-2"
aliases = []  # default

[sources.acme]
kind = "generic"
secrets = [{ env = "X" }, "…"]
rate_limit = "none"  # default
progress_scale = 1  # default

[sources.acme.verify]
scheme = "bearer"
tolerance = "5m"  # default

[sources.acme.event]
title = "body.title"

[destinations.slack]
url = "https://hooks.slack.example/…"
options = { list = [1, 2], token = "…" }

[[routes]]
when = "true"  # default
to = ["slack"]

[[routes]]
name = "second"
when = "true"  # default
to = ["slack"]
"#;

#[test]
fn the_merged_configuration_prints_with_defaults_and_without_secrets() {
    let text = "[kafka.security]\nusername = 'me'\npassword = 'hush'\n\
        [registry]\nurl = 'postgres://me:hush@host:1/db?password=hush'\n[gateway]\nkeep_arrivals = false\n\
        [departments.'R & D']\npartitions = '0-2'\n\
        [sources.acme]\nkind = 'generic'\nsecrets = [{ env = 'X' }, 'hush']\nverify = { scheme = 'bearer' }\n\
        [sources.acme.event]\ntitle = 'body.title'\n\
        [destinations.slack]\nurl = 'https://hooks.slack.example/T/B/hush'\noptions = { list = [1, 2], token = 'hush' }\n\
        [[routes]]\nto = ['slack']\n[[routes]]\nname = 'second'\nto = ['slack']\n";
    let printed = overlaid(text, &[("OKR_ROUTER__KAFKA__REPLICATION", "1")], &[]).unwrap().print();
    assert_eq!(printed, PRINTED);
    check(read(&printed), &[]);
}

#[test]
fn no_debug_output_shows_the_tree() {
    let document = read("[kafka.security]\npassword = 'hush'").unwrap();
    assert!(!format!("{document:?}").contains("hush"));
}

#[test]
fn the_json_schema_knows_names_lists_and_defaults() {
    let schema = schema(KEYS);
    let at =
        |pointer: &str| schema.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is missing")).clone();
    assert_eq!(at("/$schema"), "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(at("/additionalProperties"), false);
    assert_eq!(at("/properties/gateway/properties/request_deadline/default"), "10s");
    assert_eq!(at("/properties/kafka/properties/brokers/default/0"), "127.0.0.1:9092");
    assert_eq!(
        at("/properties/sources/additionalProperties/properties/verify/properties/scheme/enum/1"),
        "bearer"
    );
    assert_eq!(at("/properties/routes/items/properties/to/items/type"), "string");
    assert_eq!(at("/properties/departments/properties/partitions/type"), "integer");
    assert_eq!(at("/properties/departments/additionalProperties/properties/partitions/type"), "string");
}

#[test]
fn the_table_has_a_row_for_each_key() {
    let keys = [
        Key { path: "a.b", kind: Kind::Span, default: Some("\"1s\""), doc: "One | two." },
        Key { path: "a.*.c", kind: Kind::Flag, default: None, doc: "Three." },
    ];
    let expected = "| Key | Value | Default | Meaning |\n|---|---|---|---|\n\
        | `a.b` | a duration such as \"10s\" or \"5m\" | `\"1s\"` | One \\| two. |\n\
        | `a.*.c` | true or false |  | Three. |\n";
    assert_eq!(table(&keys), expected);
}
