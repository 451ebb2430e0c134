//! How a registration is told.

use super::*;

fn known(open_seconds: Option<u64>, learned: &[&str]) -> Registration {
    let learned = learned.iter().map(|at| at.parse().expect("a time")).collect();
    Registration { source: "goals".to_owned(), open_seconds, learned }
}

#[test]
fn it_is_told_whether_a_source_is_open_and_what_it_learned() {
    assert_eq!(words(None), "  closed  0 secrets learned");
    assert_eq!(words(Some(&known(Some(90), &[]))), "  open for 90s  0 secrets learned");
    let two = known(None, &["2026-02-03T10:15:00.5Z", "2026-02-01T00:00:00Z"]);
    assert_eq!(words(Some(&two)), "  closed  2 secrets learned, the newest at 2026-02-03T10:15:00Z");
    assert!(
        words(Some(&known(Some(600), &["2026-02-01T00:00:00Z"])))
            .starts_with("  open for 10m  1 secret learned")
    );
}
