//! `okr-router warehouse migrate`, as a person runs it.

use std::path::Path;

use serde_json::Value;
use store::testing::{Cluster, connect};

/// What the command printed, what it said, and whether it was content.
struct Said {
    out: String,
    words: String,
    is_well: bool,
}

async fn migrate(url: Option<&str>, folder: &Path, words: &[&str]) -> Said {
    let file = folder.join("okr-router.toml");
    let warehouse =
        url.map(|url| format!("[warehouse]\nurl = {url:?}\nschema = \"goals\"\n")).unwrap_or_default();
    let config = format!("data_dir = {:?}\n{warehouse}", folder.join("kept"));
    std::fs::write(&file, config).expect("a configuration");
    let mut command = tokio::process::Command::new(okr_tests::binary().expect("it is built"));
    command.current_dir(folder).args(["warehouse", "migrate"]).args(words);
    let done = command.output().await.expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    Said { out: text(done.stdout), words: text(done.stderr), is_well: done.status.success() }
}

/// Nothing happens without `--apply`, and nothing twice with it.
async fn check(url: Option<&str>) {
    let folder = tempfile::tempdir().expect("a folder");
    let dry = migrate(url, folder.path(), &[]).await;
    assert!(dry.is_well && dry.out.starts_with("0001 tables\n0002 views\n"), "{}{}", dry.out, dry.words);
    assert!(dry.words.contains("to apply: `okr-router warehouse migrate --apply`"), "{}", dry.words);
    assert!(!folder.path().join("kept").exists(), "a dry run made a folder");
    let applied = migrate(url, folder.path(), &["--apply", "--json"]).await;
    let shown: Value = serde_json::from_str(&applied.out).expect("JSON");
    assert!(applied.is_well && shown["applied"] == true && shown["found"] == 0, "{shown}");
    assert_eq!(shown["steps"].as_array().map_or(0, Vec::len), dry.out.lines().count(), "{shown}");
    for words in [&[][..], &["--apply"]] {
        let again = migrate(url, folder.path(), words).await;
        assert!(again.is_well && again.out.is_empty(), "{}", again.out);
        assert!(again.words.contains("the tables are up to date"), "{}", again.words);
    }
}

#[tokio::test]
async fn a_file_in_the_data_folder_is_migrated_where_no_url_is_given() {
    check(None).await;
}

#[tokio::test]
async fn a_server_is_migrated_and_a_newer_one_refused() {
    let cluster = Cluster::start().await.expect("a cluster");
    let database = cluster.database().await.expect("a database");
    check(Some(&database.url)).await;
    let newer = "INSERT INTO goals.okr_migrations (version, name, checksum) VALUES (99, 'later', '')";
    let client = connect(&database.url).await.expect("a connection");
    client.batch_execute(newer).await.expect("somebody newer was here");
    let folder = tempfile::tempdir().expect("a folder");
    for words in [&[][..], &["--apply"]] {
        let refused = migrate(Some(&database.url), folder.path(), words).await;
        assert!(!refused.is_well && refused.words.contains("version 99"), "{}", refused.words);
        assert!(refused.words.contains("run a release at least as new"), "{}", refused.words);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_by_its_key_without_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = okr_tests::free_port();
    let url = format!("postgres://okr:hunter2@127.0.0.1:{port}/okr?sslmode=disable");
    let refused = migrate(Some(&url), folder.path(), &[]).await;
    assert!(!refused.is_well && refused.words.contains("`warehouse.url`"), "{}", refused.words);
    assert!(!refused.words.contains("hunter2"), "{}", refused.words);
}
