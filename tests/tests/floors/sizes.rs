//! A file is read in one sitting.

use std::path::{Path, PathBuf};

use crate::metadata::root;

const LINES_MAX: usize = 400;
const FOLDERS: &[&str] = &["crates", "tests", "deploy", ".ci", "docs"];
const ENDINGS: &[&str] = &["rs", "py", "sh", "toml", "sql"];

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with(['.', '_']);
        if path.is_dir() && !hidden && !path.ends_with("target") {
            walk(&path, found);
        } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|one| ending == *one)) {
            found.push(path);
        }
    }
}

#[test]
fn no_file_is_longer_than_one_sitting() {
    let mut files = Vec::new();
    FOLDERS.iter().for_each(|folder| walk(&root().join(folder), &mut files));
    assert!(files.len() > 20, "only {} files were found", files.len());
    let lines = |path: &PathBuf| std::fs::read_to_string(path).unwrap_or_default().lines().count();
    let long: Vec<String> = files
        .iter()
        .map(|path| (path, lines(path)))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}
