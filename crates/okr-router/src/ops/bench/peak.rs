//! The highest memory of this process between two moments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::meter::read_memory;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Resident bytes of this process.
fn memory() -> Option<u64> {
    read_memory(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Watches the memory of this process until it is asked.
pub struct Peak {
    bytes: Arc<AtomicU64>,
    watch: JoinHandle<()>,
}

impl Peak {
    pub fn watch() -> Self {
        let bytes = Arc::new(AtomicU64::new(memory().unwrap_or_default()));
        let seen = Arc::clone(&bytes);
        let watch = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                seen.fetch_max(memory().unwrap_or_default(), Ordering::Relaxed);
            }
        });
        Self { bytes, watch }
    }

    /// The highest so far.
    pub fn so_far(&self) -> Option<u64> {
        let bytes = self.bytes.load(Ordering::Relaxed).max(memory().unwrap_or_default());
        Some(bytes).filter(|bytes| *bytes > 0)
    }
}

impl Drop for Peak {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
