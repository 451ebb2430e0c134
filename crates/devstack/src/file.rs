//! State files: one process at a time, and replaced as a whole.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{Options, PartError};

/// A state file that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    _lock: File,
}

impl StateFile {
    /// Makes the folder and takes the lock, a file beside the state file; the kernel frees it when we die.
    pub fn take(name: &'static str, options: &Options) -> Result<Self, PartError> {
        let file = options.file.clone();
        let failed = |source| PartError::File { name, file: file.clone(), source };
        let path = std::path::absolute(&file).map_err(failed)?;
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(beside(&path, "lock"));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(PartError::Held { name, file }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The absolute path.
    #[cfg(feature = "embedded")]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds; `None` before the first `replace`.
    pub fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the whole file. Once it returns, the new state survives a power cut; until then the old one does.
    pub fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let fresh = beside(&self.path, "new");
        let mut file = File::create(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        File::open(folder)?.sync_all() // The name is part of the folder, not of the file.
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}
