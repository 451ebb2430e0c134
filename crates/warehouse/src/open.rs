//! Where a warehouse is, and how it is opened.

use std::path::PathBuf;
use std::sync::Arc;

use store::StoreError;
use worker::ProgressError;

use crate::Target;
use crate::embedded::Embedded;
use crate::migrate::MigrateError;
use crate::postgres::Postgres;

/// The schema of a Postgres warehouse that names none.
pub const SCHEMA: &str = "okr";

/// Where a warehouse is.
#[derive(Debug, Clone)]
pub struct Place {
    /// `file:PATH` or `postgres://user@host/database`.
    pub url: String,
    /// The Postgres schema of its tables; a file has none.
    pub schema: String,
}

/// Whether `warehouse.url` may say this; nothing is opened.
///
/// # Errors
/// It is of no known form; the error shows no more of it than its scheme.
pub fn check_url(url: &str) -> Result<(), OpenError> {
    store::check_url(url).map_err(OpenError::of_store)
}

impl Place {
    /// Whether it is an embedded file, which one process at a time has to itself.
    pub fn is_file(&self) -> bool {
        self.file().is_ok_and(|path| path.is_some())
    }

    /// The path of an embedded file; none for a database on a server.
    pub(crate) fn file(&self) -> Result<Option<PathBuf>, OpenError> {
        if let Some(path) = self.url.strip_prefix("file:") {
            let path = path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path);
            let is_file = !path.is_empty() && !path.ends_with('/');
            return if is_file { Ok(Some(PathBuf::from(path))) } else { Err(OpenError::Url) };
        }
        let is_server = ["postgres://", "postgresql://"].iter().any(|scheme| self.url.starts_with(scheme));
        if is_server { Ok(None) } else { Err(OpenError::Url) }
    }
}

/// What is done about tables that are not there or not up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// They are made.
    Migrate,
    /// [`OpenError::Behind`] says so.
    Expect,
}

/// Why a warehouse was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The url is of no known form; at most its scheme is shown.
    #[error(
        "warehouse.url is not understood: write `file:PATH` for an embedded file or `postgres://user@host/database`"
    )]
    Url,
    /// Its tables lack steps that this program needs.
    #[error("warehouse lacks {0} of its migrations: run `okr-router warehouse migrate --apply`")]
    Behind(usize),
    /// The file is another process's, or is no place for a file.
    #[error("{0}")]
    File(String),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The database did not answer, or refused.
    #[error("warehouse could not be opened: {0}")]
    Home(#[from] ProgressError),
}

impl OpenError {
    /// Whether opening again later may succeed by itself.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Home(error) => matches!(error, ProgressError::Unavailable(_)),
            Self::Migrate(error) => error.is_passing(),
            _ => false,
        }
    }

    pub(crate) fn of_store(error: StoreError) -> Self {
        match error {
            StoreError::Url(_) => Self::Url,
            StoreError::Home(error) => Self::Home(match error {
                store::QueueError::Unavailable(why) => ProgressError::Unavailable(why),
                store::QueueError::Broken(why) => {
                    ProgressError::Broken(why.replace("store.url", "warehouse.url"))
                }
            }),
            other => Self::File(
                other
                    .to_string()
                    .replace("store.url", "warehouse.url")
                    .replace("store file", "warehouse file"),
            ),
        }
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::of_store(error)
    }
}

/// Opens the warehouse of this place.
///
/// # Errors
/// What [`OpenError`] says; [`OpenError::is_passing`] tells what to try again.
pub async fn open(place: &Place, tables: Tables) -> Result<Arc<dyn Target>, OpenError> {
    if let Some(path) = place.file()? {
        return Ok(Arc::new(Embedded::open(path, tables).await?));
    }
    let postgres = Postgres::new(&place.url, &place.schema)?;
    let lacking = match tables {
        Tables::Migrate => {
            postgres.migrate().await?;
            0
        }
        Tables::Expect => postgres.plan().await?.pending.len(),
    };
    if lacking > 0 { Err(OpenError::Behind(lacking)) } else { Ok(Arc::new(postgres)) }
}
