//! The workspace as cargo sees it, all features on, for Linux.

use std::{collections::BTreeMap, path::Path, process::Command, sync::LazyLock};

use serde::Deserialize;

static METADATA: LazyLock<Metadata> = LazyLock::new(read);

#[derive(Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
    workspace_members: Vec<String>,
}

#[derive(Deserialize)]
pub struct Package {
    id: String,
    pub name: String,
    pub version: String,
    pub license: Option<String>,
    pub dependencies: Vec<Dependency>,
    pub features: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    /// `None` is a normal one, else `dev` or `build`.
    pub kind: Option<String>,
}

pub fn metadata() -> &'static Metadata {
    &METADATA
}

/// The top folder of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository")
}

impl Metadata {
    /// Our own packages.
    pub fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// Everyone else's.
    pub fn others(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| !self.workspace_members.contains(&package.id))
    }
}

impl Package {
    /// As `name version`, for messages and lists.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

fn read() -> Metadata {
    let platform = "x86_64-unknown-linux-gnu";
    let args = ["metadata", "--format-version=1", "--all-features", "--filter-platform", platform];
    let done = Command::new(env!("CARGO")).args(args).current_dir(root()).output().expect("cargo runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("cargo metadata is as documented")
}
