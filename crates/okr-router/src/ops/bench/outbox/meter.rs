//! Processor time and memory of a process, as Linux tells them; nothing where it does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

/// Linux counts a hundred ticks a second on every machine.
const TICK: Duration = Duration::from_millis(10);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// User and system time that the process has used so far.
pub fn processor_time(process: u32) -> Option<Duration> {
    read_processor_time(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The name in brackets may hold blanks; user and system ticks are the 14th and 15th fields of all.
pub fn read_processor_time(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some(TICK * (user + system))
}

/// Resident bytes of this process.
fn memory() -> Option<u64> {
    read_memory(&std::fs::read_to_string("/proc/self/status").ok()?)
}

pub fn read_memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1_024)
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
    pub fn end(self) -> Option<u64> {
        self.watch.abort();
        let bytes = self.bytes.load(Ordering::Relaxed).max(memory().unwrap_or_default());
        Some(bytes).filter(|bytes| *bytes > 0)
    }
}
