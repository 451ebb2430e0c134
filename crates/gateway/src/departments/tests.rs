//! Ranges that fit, and those that do not.

use super::{DepartmentsConfig, Map};

fn map(toml: &str) -> Result<Map, String> {
    let config: DepartmentsConfig = toml::from_str(toml).unwrap();
    Map::new(&config).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

#[track_caller]
fn check(toml: &str, says: &[&str]) {
    let error = map(toml).unwrap_err();
    assert!(says.iter().all(|word| error.contains(word)), "{error}");
}

#[test]
fn without_a_word_everything_is_others() {
    let map = map("").unwrap();
    assert_eq!((map.count(), map.ranges["others"].partitions.len()), (24, 24));
}

#[test]
fn others_has_what_nobody_names() {
    let map = map("partitions = 6\n[sales]\npartitions = \"0-1,4\"\n[others]\naliases = [\"misc\"]").unwrap();
    assert_eq!(map.ranges["others"].partitions, [2, 3, 5]);
    assert_eq!(map.ranges["sales"].partitions, [0, 1, 4]);
}

#[test]
fn ranges_that_do_not_fit_are_refused_in_words() {
    check("partitions = 0", &["departments.partitions"]);
    check("partitions = 4\n[a]\npartitions = \"0-4\"", &["departments.a.partitions", "partition 4", "0-3"]);
    check(
        "[a]\npartitions = \"0-4\"\n[b]\npartitions = \"4-5\"",
        &["departments.b.partitions", "partition 4", "`a`"],
    );
    check("[a]\npartitions = \"5-\"", &["departments.a.partitions"]);
    check("[a]\npartitions = \"\"", &["departments.a.partitions"]);
    check("[a]\naliases = []", &["departments.a.partitions", "is missing"]);
    check(
        "partitions = 2\n[a]\npartitions = \"0-1\"",
        &["departments.others.partitions", "has no partition"],
    );
}

#[test]
fn a_text_means_one_department() {
    let two = "[a]\npartitions = \"0\"\naliases = [\"X\"]\n[b]\npartitions = \"1\"\naliases = [\" x \"]";
    check(two, &["departments.b", "`a`"]);
    check("[a]\npartitions = \"0\"\n[b]\npartitions = \"1\"\naliases = [\"A\"]", &["departments.b"]);
}
