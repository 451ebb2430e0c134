//! One suite on both homes, and what each home promises for itself.

pub(crate) mod bench;
mod crowd;
mod embedded;
pub(crate) mod history;
mod homes;
mod pace;
pub(crate) mod postgres;
pub(crate) mod reference;
pub(crate) mod suite;
mod views;

use std::time::Duration;

/// Fails what would wait for ever.
pub(crate) async fn ends<T>(promise: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), promise).await.expect("it did not come to an end")
}
