//! Every package, the embedded broker's included, may be used and passed on as we do.

use crate::metadata::metadata;

/// Licences that ask for no more than attribution.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0", // The list of web roots.
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages that ask for more, and why they may stay.
const KNOWN: &[(&str, &str)] =
    &[("smartstring", "MPL-2.0: weak copyleft per file, unchanged here, and only in dev builds")];

/// Whether an SPDX expression can be satisfied by what `ALLOWED` lists.
fn allows(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let allowed = any(&words, &mut at);
    allowed && at == words.len()
}

fn any(words: &[&str], at: &mut usize) -> bool {
    let mut allowed = all(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        allowed |= all(words, at);
    }
    allowed
}

fn all(words: &[&str], at: &mut usize) -> bool {
    let mut allowed = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        allowed &= one(words, at);
    }
    allowed
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let allowed = any(words, at);
        *at += 1; // The closing bracket.
        return allowed;
    }
    let mut name = (*word).to_string();
    if let [Some(&"WITH"), Some(exception)] = [words.get(*at), words.get(*at + 1)] {
        name = format!("{name} WITH {exception}");
        *at += 2;
    }
    ALLOWED.contains(&name.as_str())
}

#[test]
fn an_expression_is_allowed_when_one_way_through_it_is() {
    for allowed in ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-2.0) AND Unicode-3.0"] {
        assert!(allows(allowed), "{allowed}");
    }
    assert!(allows("Apache-2.0 WITH LLVM-exception"));
    for refused in ["GPL-3.0", "MIT AND GPL-2.0", "", "Apache-2.0 WITH Classpath-exception-2.0", "MIT MIT"] {
        assert!(!allows(refused), "{refused}");
    }
}

#[test]
fn every_package_has_a_licence_that_lets_us_pass_it_on() {
    let mut faults = Vec::new();
    for package in metadata().packages.iter() {
        let licence = package.license.as_deref().unwrap_or_default();
        let known = KNOWN.iter().any(|(name, _)| *name == package.name);
        faults.extend((!known && !allows(licence)).then(|| format!("{}: {licence:?}", package.title())));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
