//! The steps of a warehouse, wherever it is.

use std::path::Path;

use super::{MigrateError, Plan, compare, embedded};
use crate::embedded::Embedded;
use crate::open::{OpenError, Place, Tables};
use crate::postgres::Postgres;
use crate::status::beside;

/// What [`apply`] would do. Reads only; a file that is not there is not made.
pub async fn plan(place: &Place) -> Result<Plan, OpenError> {
    match place.file()? {
        Some(path) => Ok(planned(&path).await?),
        None => Postgres::new(&place.url, &place.schema)?.plan().await,
    }
}

/// Applies what is missing, and says what that was. A file has to be free: a running service has brought it up to date
/// when it began.
pub async fn apply(place: &Place) -> Result<Plan, OpenError> {
    let Some(path) = place.file()? else {
        return Postgres::new(&place.url, &place.schema)?.migrate().await;
    };
    let plan = planned(&path).await?;
    if !plan.pending.is_empty() {
        Embedded::open(path, Tables::Migrate).await?;
    }
    Ok(plan)
}

/// Read beside whoever has the file.
async fn planned(path: &Path) -> Result<Plan, MigrateError> {
    if !path.exists() {
        return compare(embedded::STEPS, &[]);
    }
    embedded::plan(&beside(path).await?).await
}
