//! Old configuration and new one in, what changes and what needs a restart out.

use boot::Document;

use super::*;

const BASE: &str = r#"
[gateway]
body_max = "64KiB"
[sources.acme]
kind = "okr"
verify = { scheme = "none" }
[destinations.desk]
kind = "terminal"
[[routes]]
name = "all"
to = ["desk"]
"#;

fn read(text: &str) -> Document {
    Document::read(text, "okr-router.toml", &[], &[], &crate::config::keys()).unwrap()
}

#[track_caller]
fn check(services: &[Service], new: &str, live: &[&str], restart: &[&str]) {
    let base = read(BASE);
    let change = plan(services, &base, &base, &read(new));
    let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    assert_eq!(change, Change { live: owned(live), restart: owned(restart) });
}

const GATEWAY: &[Service] = &[Service::Gateway];
const NOTIFIER: &[Service] = &[Service::Notifier];
const DEV: &[Service] = &[Service::Gateway, Service::Notifier];

#[test]
fn the_same_file_changes_nothing() {
    check(DEV, &format!("# Another comment.\n{BASE}"), &[], &[]);
}

#[test]
fn a_service_exchanges_its_own_sections_and_no_others() {
    let new = format!(
        "{BASE}template = \"x\"\n[sources.\"b.c\"]\nkind = \"okr\"\nsecrets = [\"s\"]\n[notifier]\nage_max = \"1d\"\n"
    );
    check(GATEWAY, &new, &["sources.\"b.c\""], &[]);
    check(NOTIFIER, &new, &["notifier.age_max", "routes"], &[]);
    check(DEV, &new, &["notifier.age_max", "routes", "sources.\"b.c\""], &[]);
}

#[test]
fn a_source_that_changes_in_many_keys_is_named_once() {
    let new = BASE.replace("kind = \"okr\"", "kind = \"github\"\nsecrets = [\"s\"]\nrate_limit = \"1/s\"");
    check(GATEWAY, &new, &["sources.acme"], &[]);
    check(GATEWAY, &BASE.replace("sources.acme", "sources.zeta"), &["sources.acme", "sources.zeta"], &[]);
}

#[test]
fn what_is_read_at_the_start_is_named_by_every_role_that_reads_it() {
    let new = BASE.replace("64KiB", "32KiB")
        + "[kafka]\nreplication = 1\nmin_insync_replicas = 1\n[departments.sales]\npartitions = \"0-3\"\n[outbox]\nbatch = 3\n[store]\nurl = \"file:other.db\"\n";
    let shared = ["kafka.min_insync_replicas", "kafka.replication"];
    let gateway =
        [&["departments.sales.partitions", "gateway.body_max"], &shared[..], &["store.url"]].concat();
    check(GATEWAY, &new, &[], &gateway);
    check(NOTIFIER, &new, &[], &[&shared[..], &["outbox.batch", "store.url"]].concat());
    check(&[Service::Warehouse], &new, &[], &[&shared[..], &["store.url"]].concat());
}

#[test]
fn what_several_services_read_is_named_by_each_of_them() {
    let new = format!("{BASE}[worker]\ndrain_grace = \"1s\"\n[warehouse]\nschema = \"goals\"\n");
    check(&[Service::Warehouse], &new, &[], &["warehouse.schema", "worker.drain_grace"]);
    check(NOTIFIER, &new, &[], &["worker.drain_grace"]);
    check(GATEWAY, &new, &[], &[]);
}

#[test]
fn a_key_that_waits_for_a_restart_is_named_until_it_comes() {
    let (started, new) = (read(BASE), read(&BASE.replace("64KiB", "32KiB")));
    let change = plan(GATEWAY, &started, &new, &new);
    assert_eq!(change.restart, ["gateway.body_max"]);
    assert_eq!(plan(GATEWAY, &started, &new, &started), Change::default(), "it was taken back");
}
