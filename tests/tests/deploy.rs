//! What deploys okr-router is in order, as far as that can be told without a container engine.

use std::path::Path;

use okr_tests::{Python, sign};

/// The roles that production runs, each in a container of its own.
const ROLES: &[&str] = &["gateway", "notifier", "warehouse"];

#[tokio::test]
async fn the_compose_file_the_image_and_the_dashboards_are_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut words = vec![root.to_str().expect("the path is text")];
    words.extend(ROLES);
    Python::run("deploy.py", &words).await.expect("nothing is wrong");
}

#[tokio::test]
async fn the_configuration_of_the_compose_file_is_in_order() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/config/compose.toml");
    let mut command = tokio::process::Command::new(okr_tests::binary().expect("it is built"));
    command.arg("--config").arg(file).args(["config", "check"]);
    command.env("ACME_SECRET", sign::whsec(b"the key that acme uses now......"));
    command.env("OKR_STORE_URL", "postgres://okr:x@postgres/okr?sslmode=disable");
    let done = command.output().await.expect("it starts");
    assert!(done.status.success(), "{done:?}");
}
