//! Readiness: what the notifier needs besides its consumer, asked again until it is there.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use boot::{BoxError, Check, House};
use outbox::{Depth, Queue};
use store::Store;
use tokio::sync::watch::Receiver;
use worker::readiness::{over, until_there};

use crate::observe;
use crate::planner::SERVICE;

/// How often the store is asked whether it still answers.
const STORE_EVERY: Duration = Duration::from_secs(5);

/// Waits until our schemas are registered. Once seen they stay: nothing of ours takes a schema away.
pub(crate) async fn schemas(house: House, check: Check, registry: wire::Registry) -> Result<(), BoxError> {
    until_there(&house, &check, || async { registry.ready().await.map_err(|error| error.to_string()) }).await;
    Ok(())
}

/// Watches whether the store answers. At its first answer, and when the destinations are others, rows for destinations
/// that are not configured any more are named.
pub(crate) async fn store(
    house: House,
    check: Check,
    store: Arc<Store>,
    mut configured: Receiver<HashSet<String>>,
) -> Result<(), BoxError> {
    let depths = || async { store.depths(SERVICE).await.map_err(|error| error.to_string()) };
    let Some(depths) = until_there(&house, &check, depths).await else { return Ok(()) };
    orphans(&depths, &configured.borrow_and_update()).into_iter().for_each(observe::orphaned);
    while !over(&house, STORE_EVERY).await {
        if configured.has_changed().unwrap_or(false)
            && let Ok(depths) = store.depths(SERVICE).await
        {
            orphans(&depths, &configured.borrow_and_update()).into_iter().for_each(observe::orphaned);
        }
        match store.ping().await {
            Ok(()) => check.ok(),
            Err(error) => check.fail(error.to_string()),
        }
    }
    Ok(())
}

/// Targets with rows that nobody delivers: their destination has been taken out of the configuration.
pub(crate) fn orphans<'a>(depths: &'a [Depth], configured: &HashSet<String>) -> Vec<&'a Depth> {
    depths.iter().filter(|depth| depth.rows > 0 && !configured.contains(&depth.target)).collect()
}
