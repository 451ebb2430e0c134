//! What the documents list is what the code has.

use std::{collections::BTreeSet, path::Path};

/// All words of a text that look like one of our metrics.
fn metrics(text: &str) -> BTreeSet<String> {
    let word = |part: &str| part.starts_with("okr_") && ENDINGS.iter().any(|ending| part.ends_with(ending));
    text.split(|letter: char| !(letter.is_ascii_lowercase() || letter == '_'))
        .filter(|part| word(part))
        .map(str::to_owned)
        .collect()
}

const ENDINGS: &[&str] = &[
    "_total",
    "_seconds",
    "_bytes",
    "_rows",
    "_records",
    "_entries",
    "_info",
    "_ready",
    "_connections",
    "_paused",
    "_state",
    "_status",
    "_count",
    "_partitions",
];

fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.file_name().is_some_and(|name| name == "observe.rs") {
            text.push_str(&std::fs::read_to_string(&path).expect("it can be read"));
        }
    }
}

#[test]
fn the_telemetry_page_names_every_metric_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut code = String::new();
    sources(&root.join("crates"), &mut code);
    let page = std::fs::read_to_string(root.join("docs/telemetry.md")).expect("the page is there");
    let (code, page) = (metrics(&code), metrics(&page));
    assert!(code.len() > 40, "this test has stopped finding metrics: {code:?}");
    let missing: Vec<_> = code.difference(&page).collect();
    let stale: Vec<_> = page.difference(&code).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "docs/telemetry.md lacks {missing:?} and has {stale:?} too many"
    );
}
