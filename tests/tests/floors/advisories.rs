//! Versions with a known vulnerability. The list is committed, so the test needs no network; it holds what matters to
//! crates like ours and is extended when an advisory is read. One line each: the RustSec id, the crate, then the
//! affected versions as comparisons that must all hold (`>=0.4.0 <0.4.4`); `*` is every version. A crate with several
//! ranges has several lines.

use crate::metadata::metadata;

const ADVISORIES: &str = "
RUSTSEC-2020-0071 time               >=0.1.0 <0.2.23
RUSTSEC-2020-0159 chrono             <0.4.20
RUSTSEC-2021-0003 smallvec           >=1.0.0 <1.6.1
RUSTSEC-2021-0073 prost-types        <0.8.0
RUSTSEC-2021-0078 hyper              <0.14.10
RUSTSEC-2022-0006 thread_local       <1.1.4
RUSTSEC-2022-0013 regex              <1.5.5
RUSTSEC-2022-0041 crossbeam-utils    <0.8.7
RUSTSEC-2022-0093 ed25519-dalek      <2.0.0
RUSTSEC-2023-0018 remove_dir_all     <0.8.0
RUSTSEC-2023-0044 openssl            <0.10.55
RUSTSEC-2023-0053 rustls-webpki      <0.100.2
RUSTSEC-2023-0053 rustls-webpki      >=0.101.0 <0.101.4
RUSTSEC-2023-0065 tungstenite        <0.20.1
RUSTSEC-2023-0071 rsa                <0.10.0
RUSTSEC-2024-0332 h2                 <0.3.26
RUSTSEC-2024-0332 h2                 >=0.4.0 <0.4.4
RUSTSEC-2024-0336 rustls             <0.21.11
RUSTSEC-2024-0336 rustls             >=0.22.0 <0.22.4
RUSTSEC-2024-0336 rustls             >=0.23.0 <0.23.5
RUSTSEC-2024-0344 curve25519-dalek   <4.1.3
RUSTSEC-2024-0357 openssl            >=0.10.0 <0.10.66
RUSTSEC-2024-0363 sqlx               <0.8.1
RUSTSEC-2024-0376 tonic              <0.12.3
RUSTSEC-2024-0399 rustls             >=0.23.13 <0.23.18
RUSTSEC-2024-0421 idna               <1.0.0
RUSTSEC-2024-0437 protobuf           <3.7.2
RUSTSEC-2025-0004 openssl            >=0.10.0 <0.10.70
RUSTSEC-2025-0009 ring               <0.17.12
RUSTSEC-2025-0022 openssl            >=0.10.39 <0.10.72
RUSTSEC-2025-0023 tokio              >=0.2.5 <1.38.2
RUSTSEC-2025-0023 tokio              >=1.39.0 <1.42.1
RUSTSEC-2025-0023 tokio              >=1.43.0 <1.43.1
RUSTSEC-2025-0023 tokio              >=1.44.0 <1.44.2
RUSTSEC-2025-0024 crossbeam-channel  >=0.5.12 <0.5.15
RUSTSEC-2025-0055 tracing-subscriber <0.3.20
";

/// The three numbers of a version; what follows a `-` or `+` does not matter here.
fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().expect("a version is numbers"));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

fn affected(version: &str, comparison: &str) -> bool {
    let version = numbers(version);
    match comparison {
        "*" => true,
        _ if comparison.starts_with(">=") => version >= numbers(&comparison[2..]),
        _ if comparison.starts_with('<') => version < numbers(&comparison[1..]),
        _ => panic!("{comparison} is no comparison"),
    }
}

#[test]
fn versions_compare_by_number() {
    assert!(affected("0.10.9", "<0.10.55"));
    assert!(!affected("0.10.55", "<0.10.55"));
    assert!(affected("1.0.0-rc.1", ">=1.0.0"));
    assert!(affected("7.0.0", "*"));
}

#[test]
fn no_package_has_a_known_vulnerability() {
    let mut faults = Vec::new();
    for line in ADVISORIES.lines().filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [id, name, comparisons @ ..] = words.as_slice() else { panic!("{line} is no advisory") };
        assert!(!comparisons.is_empty(), "{line} names no versions");
        let hit = |version: &str| comparisons.iter().all(|comparison| affected(version, comparison));
        let named = metadata().others().filter(|package| package.name == *name);
        faults.extend(
            named.filter(|package| hit(&package.version)).map(|package| format!("{id}: {}", package.title())),
        );
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
