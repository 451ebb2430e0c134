use super::*;

#[track_caller]
fn check(given: Option<&str>, expected: &[&str]) {
    let shown = filter(given).unwrap().to_string();
    let mut directives: Vec<&str> = shown.split(',').filter(|part| !part.starts_with("nisshi_")).collect();
    directives.sort_unstable();
    assert_eq!(directives, expected);
}

#[test]
fn noisy_libraries_are_quiet_unless_they_are_named() {
    check(None, &["info", "nisshi=warn", "rama=warn"]);
    check(Some(" "), &["info", "nisshi=warn", "rama=warn"]);
    check(Some("debug"), &["debug", "nisshi=warn", "rama=warn"]);
    check(Some("warn,rama=trace"), &["nisshi=warn", "rama=trace", "warn"]);
}

#[test]
fn a_filter_that_cannot_be_read_is_refused_by_the_name_of_its_key() {
    let error = filter(Some("info,gateway=loud")).unwrap_err().to_string();
    assert!(error.contains("`[log] filter`") && error.contains("gateway=loud"), "{error}");
}
