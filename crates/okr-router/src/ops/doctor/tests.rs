//! Every finding of the doctor, from what it means alone.

mod brokers;
mod places;

use super::finding::{Finding, Level, is_wrong, show};

/// What a check says: its level, and words that its text and its remedy have.
#[track_caller]
fn check(finding: &Finding, level: Level, says: &str, remedy: &str) {
    assert_eq!(finding.level, level, "{finding:?}");
    assert!(finding.says.contains(says), "{finding:?} does not say {says:?}");
    let told = finding.remedy.as_deref().unwrap_or_default();
    assert!(told.contains(remedy), "{finding:?} does not have {remedy:?}");
}

/// As [`check`], of the only one.
#[track_caller]
fn only(findings: &[Finding], level: Level, says: &str, remedy: &str) {
    let [finding] = findings else { panic!("one finding, not {findings:?}") };
    check(finding, level, says, remedy);
}

#[test]
fn findings_are_lines_for_people_and_rows_for_programs() {
    let all = [
        Finding::well("clock", "agrees"),
        Finding::doubt("port 1", "odd", "look"),
        Finding::wrong("topic t", "does not\nexist", "okr-router topics apply"),
    ];
    let lines =
        "✓ clock: agrees\n! port 1: odd → look\n✗ topic t: does not; exist → okr-router topics apply\n";
    assert_eq!(show(&all, false), lines);
    let rows: serde_json::Value = serde_json::from_str(&show(&all, true)).unwrap();
    assert_eq!(rows[2]["remedy"], "okr-router topics apply");
    assert_eq!((&rows[0]["level"], &rows[1]["level"]), (&"well".into(), &"doubt".into()));
    assert!(rows[0]["remedy"].is_null());
    assert!(is_wrong(&all) && !is_wrong(&all[..2]), "a doubt does not fail the command");
}

#[test]
fn traces_that_would_stop_a_role_are_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("okr-router.toml");
    let section = |token: &str| {
        format!(
            "[traces]\nendpoint = \"http://collector:4318\"\nheaders = {{ token = {{ env = \"{token}\" }} }}\n"
        )
    };
    let secrets = |token: &str| {
        std::fs::write(&path, section(token)).unwrap();
        let settings = crate::cli::Settings { config: Some(path.clone()), set: Vec::new() };
        super::secrets(&crate::config::read(&settings, crate::config::Reader::Command).unwrap())
    };
    egress::install_crypto();
    only(&secrets("A_VARIABLE_THAT_NOBODY_SETS"), Level::Wrong, "A_VARIABLE_THAT_NOBODY_SETS", "each role");
    assert_eq!(secrets("CARGO_PKG_NAME"), []);
}
