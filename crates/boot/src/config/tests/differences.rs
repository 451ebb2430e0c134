//! What another configuration says otherwise.

use super::*;

#[track_caller]
fn check(one: &str, other: &str, expected: &[&str]) {
    let (one, other) = (read(one).unwrap(), read(other).unwrap());
    assert_eq!(one.differences(&other), expected);
    assert_eq!(other.differences(&one), expected, "the other way round");
}

#[test]
fn places_order_and_defaults_are_no_difference() {
    let one = "[gateway]\nbody_max = \"1KiB\"\n[kafka]\nreplication = 3\n[sources.acme]\nkind = \"okr\"\n";
    let other = "[sources.acme]\nrate_limit = \"none\"\nkind = \"okr\"\n\n# A comment.\n[gateway]\nlisten = \"127.0.0.1:8080\"\nbody_max = \"1KiB\"\n";
    check(one, other, &[]);
    check("", "[kafka]\n", &[]);
}

#[test]
fn each_key_is_named_by_its_path() {
    check(
        "[gateway]\nbody_max = \"1KiB\"\n[sources.acme]\nkind = \"okr\"\nsecrets = [\"a\"]\n",
        "[gateway]\nkeep_arrivals = false\n[sources.acme]\nkind = \"okr\"\nsecrets = [\"a\", \"b\"]\n",
        &["gateway.body_max", "gateway.keep_arrivals", "sources.acme.secrets"],
    );
    check(
        "",
        "[sources.\"a.b\"]\nkind = \"okr\"\n[destinations.d.options]\n",
        &["destinations.d.options", "sources.\"a.b\".kind"],
    );
}

#[test]
fn a_list_differs_as_a_whole() {
    let route = |name: &str| format!("[[routes]]\nname = \"{name}\"\nto = [\"a\"]\n");
    check(&route("a"), &(route("a") + &route("b")), &["routes"]);
    check(&(route("b") + &route("a")), &(route("a") + &route("b")), &["routes"]);
    check(&route("a"), &format!("\n\n{}", route("a")), &[]);
}
