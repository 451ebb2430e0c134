//! Two versions of one library cost build time and, where their types meet, an afternoon. Each case is known.

use std::collections::BTreeMap;

use crate::metadata::metadata;

/// Why, and which libraries are here how often for that reason. Most are of the embedded broker: dev builds only.
const KNOWN: &[(&str, &[(&str, usize)])] = &[
    (
        "the embedded broker (nisshi, rama, rsasl) is behind on Avro and cryptography; its types never meet ours",
        &[
            ("apache-avro", 2),
            ("block-buffer", 2),
            ("cpufeatures", 2),
            ("crypto-common", 2),
            ("digest", 2),
            ("hmac", 2),
            ("sha2", 2),
            ("strum", 2),
            ("strum_macros", 2),
            ("miniz_oxide", 2),
            ("rand_chacha", 2),
            ("spin", 3),
        ],
    ),
    (
        "the embedded broker's schema checks and HTTP stack bring their own parsers and collections",
        &[
            ("bit-set", 2),
            ("bit-vec", 2),
            ("itertools", 2),
            ("nom", 2),
            ("rustc-hash", 2),
            ("synstructure", 2),
        ],
    ),
    (
        "libsql's build script is older than the others'",
        &[("bindgen", 2), ("rustix", 2), ("linux-raw-sys", 2)],
    ),
    ("libsql itself", &[("thiserror", 2), ("thiserror-impl", 2), ("zerocopy", 2), ("zerocopy-derive", 2)]),
    ("standardwebhooks (tests only), and reqwest ahead of the rest", &[("base64", 3)]),
    ("schema_registry_converter's cache and the metrics exporter", &[("hashbrown", 4)]),
    (
        "macros move to syn 3 one by one; build time only",
        &[("syn", 2), ("prettyplease", 2), ("heck", 2), ("shlex", 2)],
    ),
    (
        "randomness: ring, the metrics exporter and the rest each have another generation",
        &[("getrandom", 3), ("rand", 3), ("rand_core", 3)],
    ),
    ("certificates of the TLS stack", &[("const-oid", 2)]),
];

#[test]
fn a_second_version_of_a_library_is_known_and_has_a_reason() {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in metadata().others() {
        found.entry(&package.name).or_default().push(&package.version);
    }
    found.retain(|_, versions| versions.len() > 1);
    let known: BTreeMap<&str, usize> =
        KNOWN.iter().flat_map(|(_, libraries)| libraries.iter().copied()).collect();
    let new: Vec<_> = found
        .iter()
        .filter(|(name, versions)| known.get(*name).is_none_or(|n| *n < versions.len()))
        .collect();
    assert!(new.is_empty(), "say in KNOWN why, or keep to one version: {new:#?}");
    let gone: Vec<_> = known.iter().filter(|(name, n)| found.get(*name).map_or(1, Vec::len) < **n).collect();
    assert!(gone.is_empty(), "fewer than KNOWN says, lower it there: {gone:#?}");
}
