//! Why a store could not be opened.

use outbox::QueueError;

/// Why a store could not be opened, cut by what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The url is of no known form. Any part of such a text may be a password, so at most its scheme is kept; it is
    /// empty where there is none.
    #[error(
        "store.url{} is not understood: write `file:PATH` for an embedded file or `postgres://user@host/database`",
        of_scheme(.0)
    )]
    Url(String),
    /// Another process has the embedded file.
    #[error(
        "store file {path} is held by {holder}: one process at a time can use a file; for a second member use Postgres \
         (store.url = \"postgres://user@host/database\")"
    )]
    Held {
        /// The state file.
        path: String,
        /// `process 4711`, or `another process` when its number is not written in the lock file.
        holder: String,
    },
    /// The tables were made by a newer version of this program.
    #[error(
        "store has schema version {found}, this program knows up to {known}: run a version at least as new"
    )]
    Newer {
        /// The version found in the store.
        found: i64,
        /// The newest version this program can work with.
        known: i64,
    },
    /// The file or folder could not be made or read.
    #[error("store file {path} could not be opened: {cause}")]
    File {
        /// The file or folder in question.
        path: String,
        /// What the operating system said.
        cause: String,
    },
    /// The store did not answer, or refused; `QueueError` says which.
    #[error("store could not be opened: {0}")]
    Home(#[from] QueueError),
}

impl StoreError {
    /// Whether opening again later may succeed by itself (the database is not up yet).
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Home(QueueError::Unavailable(_)))
    }
}

fn of_scheme(scheme: &str) -> String {
    if scheme.is_empty() { String::new() } else { format!(" of scheme `{scheme}`") }
}
