//! How a store stands, for a doctor: nothing is made, migrated or held.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::address::Address;
use crate::embedded::holder;
use crate::postgres;

/// A store that could be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// An embedded file that nobody holds.
    File {
        /// Whether it is there; who opens it makes it.
        exists: bool,
    },
    /// A database that answers.
    Database {
        /// The version of its tables, if it has any.
        version: Option<i64>,
        /// What is halted: the consumer, and why.
        halts: Vec<(String, String)>,
    },
}

/// Looks at the store of this url.
///
/// # Errors
/// Those of opening it: [`StoreError::Held`], no answer, no right, a version that is too new.
pub async fn look(url: &str) -> Result<Look, StoreError> {
    match Address::parse(url)? {
        Address::File(path) => file(&path),
        Address::Postgres(url) => {
            let (version, halts) = postgres::look(&url).await?;
            Ok(Look::Database { version, halts })
        }
    }
}

fn file(path: &Path) -> Result<Look, StoreError> {
    let failed = |path: &Path, error: &std::io::Error| StoreError::File {
        path: path.display().to_string(),
        cause: error.to_string(),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Missing folders are made by who opens it, in the nearest one that is there.
    let ground = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let about = std::fs::metadata(ground).map_err(|error| failed(ground, &error))?;
    if !about.is_dir() || about.permissions().readonly() {
        let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        return Err(failed(ground, &error));
    }
    let lock = PathBuf::from(format!("{}.lock", path.display()));
    match File::open(&lock) {
        Ok(mut file) => match file.try_lock() {
            // Given free with the file, at once.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held { path: path.display().to_string(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&lock, &error)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(&lock, &error)),
    }
    match File::options().read(true).write(true).open(path) {
        Ok(_) => Ok(Look::File { exists: true }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Look::File { exists: false }),
        Err(error) => Err(failed(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    fn url(folder: &tempfile::TempDir) -> String {
        format!("file:{}", folder.path().join("deep/state.db").display())
    }

    #[tokio::test]
    async fn a_look_makes_nothing_and_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let url = url(&folder);
        assert_eq!(look(&url).await.unwrap(), Look::File { exists: false });
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "not even the folder was made");
        let store = Store::open(&url, boot::system_clock()).await.unwrap();
        let held = look(&url).await.unwrap_err();
        assert!(
            matches!(&held, StoreError::Held { holder, .. } if holder == &format!("process {}", std::process::id()))
        );
        drop(store);
        let free = || async { look(&url).await.ok() };
        for _ in 0..100 {
            if free().await.is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(free().await, Some(Look::File { exists: true }));
        Store::open(&url, boot::system_clock()).await.unwrap();
    }

    #[tokio::test]
    async fn a_path_that_is_no_place_for_a_file_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let refused = look(&format!("file:{}/state.db", file.display())).await.unwrap_err();
        assert!(matches!(refused, StoreError::File { .. }), "{refused}");
        assert!(matches!(look("mysql://x").await.unwrap_err(), StoreError::Url(_)));
        assert!(look("postgres://nobody@127.0.0.1:1/none").await.unwrap_err().is_passing());
    }
}
