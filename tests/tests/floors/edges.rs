//! A room imports only from floors below it, and some libraries live in one room.

use std::collections::BTreeMap;

use crate::metadata::{metadata, root};

/// The diagram of ARCHITECTURE.md. A crate that is not here fails the test: say first where it lives.
const FLOORS: &[&[&str]] = &[
    &["okr", "bus", "boot", "egress"],
    &["wire", "sources", "worker", "outbox"],
    &["store", "destinations"],
    &["gateway", "collector", "notifier", "warehouse", "alerts", "webhooks", "replay", "console", "devstack"],
    &["okr-router"],
];

/// The suite stands above all floors; a crate may use its harness in its own tests.
const SUITE: &str = "okr-tests";

/// Libraries that only the named crates may depend on directly; whatever begins so counts.
const ROOMS: &[(&str, &[&str])] = &[
    ("rdkafka", &["bus"]),
    ("apache-avro", &["wire"]),
    ("schema_registry_converter", &["wire"]),
    ("reqwest", &["egress", "wire", SUITE]), // The registry client brings its own, for the operator's URL.
    ("libsql", &["store", "warehouse"]),
    ("tokio-postgres", &["store", "warehouse"]),
    ("deadpool-postgres", &["store", "warehouse"]),
    ("nisshi", &["devstack"]),
    ("rama", &["devstack"]),
    ("metrics-exporter-prometheus", &["boot"]),
    ("opentelemetry", &["boot", SUITE]), // OTLP's messages; the suite has a collector that reads them.
    ("prost", &["boot", SUITE]),
];

/// A second SQLite beside libsql's clashes at link or run time, and cargo does not notice.
const NOWHERE: &[&str] = &["libsqlite3-sys", "rusqlite", "sqlx-sqlite", "sqlite3-src"];

/// The feature that brings the embedded broker, which the production image must not hold.
const FEATURE: &str = "embedded";

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

/// What is wrong with an edge.
fn fault(from: &str, to: &str, kind: Option<&str>) -> Option<String> {
    match (floor(from), floor(to)) {
        (None, _) => Some(format!("{from} is on no floor")),
        (Some(_), None) if to == SUITE && kind == Some("dev") => None,
        (Some(_), None) => Some(format!("{from} uses {to}, which is on no floor")),
        (Some(upper), Some(lower)) if lower < upper => None,
        (Some(upper), Some(lower)) => Some(format!("{from} (floor {upper}) uses {to} (floor {lower})")),
    }
}

/// Tests that read what is exported over OTLP.
const READERS: &[(&str, &str)] = &[("gateway", "opentelemetry-proto"), ("gateway", "prost")];

#[test]
fn no_crate_imports_from_its_own_floor_or_above() {
    let names: Vec<&str> = metadata().ours().map(|package| package.name.as_str()).collect();
    let mut faults = Vec::new();
    for package in metadata().ours().filter(|package| package.name != SUITE) {
        faults.extend(floor(&package.name).is_none().then(|| format!("{} is on no floor", package.name)));
        let ours = package.dependencies.iter().filter(|dependency| names.contains(&dependency.name.as_str()));
        faults.extend(ours.filter_map(|to| fault(&package.name, &to.name, to.kind.as_deref())));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn an_edge_up_sideways_or_to_the_suite_is_a_fault() {
    assert_eq!(fault("gateway", "bus", None), None);
    assert_eq!(fault("bus", SUITE, Some("dev")), None);
    for (from, to) in
        [("bus", "wire"), ("okr", "boot"), ("gateway", "notifier"), ("bus", SUITE), ("news", "bus")]
    {
        assert!(fault(from, to, None).is_some(), "{from} to {to}");
    }
}

#[test]
fn each_guarded_library_stays_in_its_room() {
    let mut faults = Vec::new();
    for package in metadata().ours() {
        for dependency in &package.dependencies {
            let guarded = ROOMS.iter().find(|(library, _)| dependency.name.starts_with(library));
            let reads = dependency.kind.as_deref() == Some("dev")
                && READERS.contains(&(package.name.as_str(), dependency.name.as_str()));
            let allowed = reads || guarded.is_none_or(|(_, rooms)| rooms.contains(&package.name.as_str()));
            faults.extend((!allowed).then(|| format!("{} uses {} directly", package.name, dependency.name)));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn there_is_one_sqlite_even_in_the_lock_file() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is there");
    for name in NOWHERE {
        assert!(!lock.contains(&format!("name = \"{name}\"")), "{name} is in Cargo.lock");
    }
}

#[test]
fn the_embedded_broker_is_never_a_default() {
    for package in metadata().ours() {
        let named: BTreeMap<_, _> =
            package.features.iter().map(|(name, parts)| (name.as_str(), parts)).collect();
        let mut open = vec!["default"];
        while let Some(name) = open.pop() {
            assert!(!name.contains(FEATURE), "{} switches `{FEATURE}` on by default", package.name);
            open.extend(named.get(name).into_iter().flat_map(|parts| parts.iter().map(String::as_str)));
        }
    }
}
