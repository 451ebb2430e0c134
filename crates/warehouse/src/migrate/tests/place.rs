//! The same for every kind of place.

use store::testing::Cluster;
use tempfile::TempDir;

use super::super::{apply, plan};
use crate::open::{OpenError, Place, Tables, open};

async fn check(url: &str) {
    let place = Place { url: url.to_owned(), schema: "okr".to_owned() };
    let pending = plan(&place).await.expect("a plan").pending;
    assert!(!pending.is_empty());
    let behind = open(&place, Tables::Expect).await.map(drop).expect_err("there are no tables");
    assert!(matches!(behind, OpenError::Behind(lacking) if lacking == pending.len()), "{behind}");
    assert_eq!(apply(&place).await.expect("applied").pending, pending);
    assert_eq!(plan(&place).await.expect("a plan").pending, []);
    let _running = open(&place, Tables::Expect).await.expect("it is up to date");
    assert_eq!(plan(&place).await.expect("a plan beside a running service").pending, []);
    assert_eq!(apply(&place).await.expect("nothing to do").pending, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_planned_migrated_and_opened() {
    let cluster = Cluster::start().await.expect("a cluster");
    check(&cluster.database().await.expect("a database").url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_planned_migrated_and_opened() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("deep/warehouse.db");
    let place = Place { url: format!("file:{}", path.display()), schema: String::new() };
    plan(&place).await.expect("a plan");
    assert!(!path.exists() && !folder.path().join("deep").exists(), "a plan made a file");
    check(&place.url).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("warehouse.db");
    std::fs::write(
        &path,
        "a letter to nobody, long enough to be taken for a header of a file of SQLite's own kind",
    )
    .unwrap();
    let place = Place { url: format!("file:{}", path.display()), schema: String::new() };
    let refused = plan(&place).await.expect_err("it is a letter");
    assert!(!refused.is_passing() && refused.to_string().contains("not a database"), "{refused}");
}
