//! The whole configuration as a person meets it: a file, and what is said about it.

mod examples;

use std::path::Path;

use super::{DEV_DEFAULT, Reader, keys, read};
use crate::{check, cli::Settings};

/// What a reader says about a file with this text; empty when it is in order.
fn said(text: &str, reader: Reader) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("okr-router.toml");
    std::fs::write(&path, text).unwrap();
    let settings = Settings { config: Some(path.clone()), set: Vec::new() };
    let checked = read(&settings, reader).and_then(|whole| Ok(check::all(&whole)?));
    let said = checked.err().map(|error| format!("{error:#}")).unwrap_or_default();
    said.replace(&path.display().to_string(), "okr-router.toml")
}

#[track_caller]
fn check(text: &str, reader: Reader, expected: &[&str]) {
    let said = said(text, reader);
    assert_eq!(said.is_empty(), expected.is_empty(), "{said}");
    for part in expected {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

const GOOD: &str = r#"
[sources.acme]
kind = "standard-webhooks"
secrets = [{ env = "A_VARIABLE_THAT_NOBODY_SETS" }]
[destinations.team]
kind = "slack"
url = { env = "ANOTHER_ONE" }
[[routes]]
name = "all"
to = ["team"]
"#;

#[test]
fn a_role_checks_the_whole_file_without_its_secrets() {
    check(GOOD, Reader::Role, &[]);
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_one() {
    check(
        "\n[gateway]\nlisten = \"127.0.0.1:0\"\nrequest_deadlin = \"5s\"\n",
        Reader::Role,
        &["okr-router.toml:4", "request_deadlin", "request_deadline"],
    );
    check("[gatway]\nlisten = \"127.0.0.1:0\"\n", Reader::Role, &["okr-router.toml:1", "gatway", "gateway"]);
    check(
        "[sources.acme]\nkind = \"okr\"\nverify = { shceme = \"none\" }\n",
        Reader::Role,
        &[":3", "shceme", "scheme"],
    );
}

#[test]
fn a_wrong_kind_of_value_is_refused_with_what_is_expected() {
    check("[gateway]\nrequest_deadline = 5\n", Reader::Role, &["okr-router.toml:2", "request_deadline"]);
    check(
        "[departments]\npartitions = \"many\"\n",
        Reader::Role,
        &["okr-router.toml:2", "departments.partitions"],
    );
}

#[test]
fn a_wrong_condition_is_refused_with_its_line() {
    let text = GOOD.replace("to = [\"team\"]", "to = [\"team\"]\nwhen = \"event.progress <\"");
    check(&text, Reader::Role, &["okr-router.toml:11", "routes[0].when"]);
}

#[test]
fn a_route_to_nowhere_is_refused_with_the_nearest_destination() {
    check(&GOOD.replace("[\"team\"]", "[\"teem\"]"), Reader::Role, &["teem", "team"]);
}

#[test]
fn kinds_that_are_not_built_stop_the_start_by_name() {
    check(&GOOD.replace("standard-webhooks", "jira"), Reader::Role, &["okr-router.toml:3", "jira"]);
    check(&GOOD.replace("standard-webhooks", "standard-webhoks"), Reader::Role, &["standard-webhooks"]);
    check(&GOOD.replace("\"slack\"", "\"pagerduty\""), Reader::Role, &["pagerduty"]);
}

#[test]
fn a_literal_secret_is_for_dev_alone() {
    let literal = GOOD.replace("{ env = \"A_VARIABLE_THAT_NOBODY_SETS\" }", "\"whsec_c2VjcmV0\"");
    check(&literal, Reader::Role, &["okr-router.toml:4", "sources.acme.secrets"]);
    let url = GOOD.replace("{ env = \"ANOTHER_ONE\" }", "\"https://hooks.slack.com/services/x\"");
    check(&url, Reader::Role, &["okr-router.toml:7", "destinations.team.url"]);
    for text in [literal, url] {
        assert!(!said(&text, Reader::Role).contains("whsec_c2VjcmV0"), "a secret was shown");
        check(&text, Reader::Command, &[]);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = GOOD.replace("\"slack\"", "\"slak\"").replace("standard-webhooks", "githup");
    check(&text, Reader::Role, &["okr-router.toml:3", "okr-router.toml:6"]);
}

#[test]
fn a_section_whose_room_is_not_built_is_known() {
    check("[warehouse]\nschema = \"okr\"\n", Reader::Role, &[]);
    check("[warehouse]\nschemas = \"okr\"\n", Reader::Role, &["schemas", "schema"]);
}

#[test]
fn addresses_that_are_written_out_are_read_before_anything_starts() {
    check(
        "\n[store]\nurl = \"mysql://me:hush@host/db\"\n",
        Reader::Command,
        &["okr-router.toml:3: `store.url`"],
    );
    assert!(!said("[store]\nurl = \"mysql://me:hush@host/db\"\n", Reader::Command).contains("hush"));
    check("[registry]\nurl = \"registry:8081\"\n", Reader::Command, &["okr-router.toml:2: `registry.url`"]);
}

#[test]
fn every_fault_of_the_departments_is_told() {
    let text = "[departments]\npartitions = 4\n[departments.a]\npartitions = \"0-9\"\n[departments.b]\npartitions = \"x\"\n";
    check(text, Reader::Command, &["okr-router.toml:4", "okr-router.toml:6"]);
}

#[test]
fn a_role_needs_a_file() {
    let settings = Settings { config: Some("/nowhere/okr-router.toml".into()), set: Vec::new() };
    assert!(read(&settings, Reader::Role).is_err());
}

#[test]
fn the_default_of_dev_is_in_order() {
    check(DEV_DEFAULT, Reader::Command, &[]);
}

#[test]
fn the_samples_are_in_order() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/config");
    let mut count = 0;
    for folder in [folder.join("examples"), folder] {
        for path in std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
        {
            check(&std::fs::read_to_string(path).unwrap(), Reader::Role, &[]);
            count += 1;
        }
    }
    assert!(count > 0, "there are no samples");
}

#[test]
fn the_logins_of_the_documentation_are_in_order() {
    let page = include_str!("../../../../docs/operations.md");
    let (_, section) = page.split_once("## Kafka: encryption and login").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks: Vec<&str> =
        section.split("```toml").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 4, "TLS, certificate, password, token");
    for block in blocks {
        check(block, Reader::Role, &[]);
    }
}

/// `okr-router config schema --format markdown` writes the table; the words around it are by hand.
#[test]
fn the_documentation_lists_every_key_as_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page.contains(boot::table(&keys()).trim()),
        "docs/configuration.md is stale: put the output of `okr-router config schema --format markdown` into it"
    );
}

#[test]
fn what_nobody_wrote_is_named_with_the_line_of_the_table_that_lacks_it() {
    check("\n[sources.acme]\nkind = \"okr\"\n", Reader::Role, &["okr-router.toml:2: `sources.acme.verify`"]);
    check(
        "\n\n[departments.sales]\naliases = []\n",
        Reader::Role,
        &["okr-router.toml:3: `departments.sales.part"],
    );
}

#[test]
fn a_source_that_cannot_be_read_hides_no_other() {
    let text = "[sources.one]\nkind = \"okr\"\nverify = { header = \"x\" }\n[sources.two]\nkind = \"jira\"\n";
    check(text, Reader::Role, &["okr-router.toml:3", "okr-router.toml:5"]);
}

/// Each scheme with no more than it needs, and a name with a dot.
const SCHEMES: &str = r#"
[sources."ac.me"]
kind = "standard-webhooks"
secrets = [{ env = "S" }]
[sources.a]
kind = "okr"
verify = { scheme = "hmac-sha256", header = "x-signature", secrets = [{ env = "S" }] }
[sources.b]
kind = "okr"
verify = { scheme = "hmac-sha1", header = "x-signature", timestamp = { header = "x-time" }, secrets = [{ env = "S" }] }
[sources.c]
kind = "okr"
verify = { scheme = "bearer", secrets = [{ env = "S" }] }
[sources.d]
kind = "okr"
verify = { scheme = "basic", secrets = [{ env = "S" }] }
[sources.e]
kind = "okr"
verify = { scheme = "stripe", secrets = [{ env = "S" }] }
[sources.f]
kind = "okr"
verify = { scheme = "shopify", secrets = [{ env = "S" }] }
[sources.g]
kind = "okr"
verify = { scheme = "none" }
"#;

#[test]
fn what_is_printed_is_in_order_and_means_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("okr-router.toml");
    let print = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let settings = Settings { config: Some(path.clone()), set: Vec::new() };
        read(&settings, Reader::Role).unwrap().document.print().replace("  # default", "")
    };
    let printed = print(&format!("{GOOD}{SCHEMES}"));
    assert_eq!(said(&printed, Reader::Role), "");
    assert_eq!(print(&printed), printed);
    // A prefix of nothing would be another promise than `Bearer `, which is what the scheme has when left alone.
    assert!(!printed.contains("prefix"), "{printed}");
}
