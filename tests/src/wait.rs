//! Waiting for a condition; never for a time.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Asks `look` until it gives a value, or fails once `limit` is over; `what` is what the failure says was missing.
pub async fn until<T, F, Fut>(what: &str, limit: Duration, mut look: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let begin = Instant::now();
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if begin.elapsed() > limit {
            bail!("waited {limit:?} in vain for {what}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
