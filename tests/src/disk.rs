//! A disk that a test may fill.

use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::Folder;

/// A file system in memory, of a size that is soon used up. Dropped, it is gone.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
    _folder: Folder,
}

impl SmallDisk {
    /// Where this user may not mount it fails, unless `OKR_TEST_NO_MOUNT` says that nobody expects otherwise; then the
    /// last lines of `tests/run` say what was left out. What a full file means to the embedded store is shown without a mount in `store::embedded::tests`.
    pub fn new(size: &str) -> Result<Option<Self>> {
        let folder = Folder::new("disk")?;
        let path = folder.join("small");
        std::fs::create_dir(&path)?;
        let options = format!("size={size},mode=0777");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "okr-tests"]).arg(&path);
        let mounted = mount.output().context("no `mount`")?;
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr);
            let is_known = std::env::var_os("OKR_TEST_NO_MOUNT").is_some();
            ensure!(is_known, "a small disk cannot be mounted ({why}); OKR_TEST_NO_MOUNT=1 leaves this out");
            return left_out("a full disk, for this user may not mount one (OKR_TEST_NO_MOUNT)")
                .map(|()| None);
        }
        Ok(Some(Self { path, _folder: folder }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all the room that is left.
    pub fn fill(&self) -> Result<()> {
        let mut file = std::fs::File::create(self.path.join("filler"))?;
        for size in [1 << 20, 1 << 12, 1] {
            let block = vec![b'.'; size];
            loop {
                match file.write(&block) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Gives it back.
    pub fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.path.join("filler"))?)
    }
}

/// Says so, and notes it for the end of the run.
fn left_out(what: &str) -> Result<()> {
    eprintln!("NOT TESTED: {what}");
    let Some(notes) = std::env::var_os("OKR_TEST_LEFT_OUT") else { return Ok(()) };
    let mut notes = std::fs::File::options().append(true).create(true).open(notes)?;
    Ok(writeln!(notes, "{what}")?)
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a failing test may still have somebody on it.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
