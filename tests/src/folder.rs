//! Folders of one test run. A test that is killed leaves its folder; the next run sweeps it away.

use std::{
    path::{Path, PathBuf},
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context, Result};

static SWEPT: Once = Once::new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder that goes when it is dropped, or at the next run when this process did not get that far.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A fresh, empty folder whose name holds `purpose`.
    pub fn new(purpose: &str) -> Result<Self> {
        let yard = std::env::temp_dir().join("okr-tests");
        std::fs::create_dir_all(&yard).with_context(|| format!("no folder {}", yard.display()))?;
        SWEPT.call_once(|| sweep(&yard));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = yard.join(format!("{}-{number}-{purpose}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("no folder {}", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() || std::env::var_os("OKR_TEST_KEEP").is_some() {
            return; // What a failed test wrote is wanted; the sweep takes it next time.
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Removes the folders of processes that are gone.
fn sweep(yard: &Path) {
    for entry in std::fs::read_dir(yard).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.split('-').next()) else { continue };
        if !Path::new("/proc").join(pid).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
