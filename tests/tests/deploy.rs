//! What deploys okr-router is in order, as far as that can be told without a container engine.

use std::path::Path;

use okr_tests::Python;

/// The roles that production runs, each in a container of its own.
const ROLES: &[&str] = &["gateway", "notifier"];

#[tokio::test]
async fn the_compose_file_the_image_and_the_dashboards_are_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut words = vec![root.to_str().expect("the path is text")];
    words.extend(ROLES);
    Python::run("deploy.py", &words).await.expect("nothing is wrong");
}
