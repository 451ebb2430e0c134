//! One process at a time uses a file: an exclusive lock beside it, with the holder's process number inside.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use outbox::QueueError;

use crate::StoreError;

/// How long a second opener waits before it gives up.
const PATIENCE: Duration = Duration::from_millis(500);

/// Held as long as it lives; the operating system gives it free when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Makes the folders of `path` and locks `path` + `.lock`.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let failed = |path: &Path, error: std::io::Error| {
            let (path, cause) = (path.display().to_string(), error.to_string());
            match error.kind() {
                // There will be room again; nobody has to start us anew for that.
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    StoreError::Home(QueueError::Unavailable(format!("{path}: {cause}")))
                }
                _ => StoreError::File { path, cause },
            }
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let name = PathBuf::from(name);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&name);
        let mut file = opened.map_err(|error| failed(&name, error))?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held { path: path.display().to_string(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&name, error)),
        }
        write_pid(&mut file).map_err(|error| failed(&name, error))?;
        Ok(Self { _file: file })
    }
}

/// A holder that is just ending gets its time, and so does a process that is just being started by the former holder:
/// until it runs its own program, it has all that its parent had open.
fn patiently(file: &File) -> Result<(), TryLockError> {
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => std::thread::sleep(PATIENCE / 20),
            outcome => return outcome,
        }
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

/// The number is only for people: what counts is the lock.
pub(crate) fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok()) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}
