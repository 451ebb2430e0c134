//! Processor time and memory of a process, as Linux tells them; nothing where it does not.

use std::{collections::HashMap, ffi::OsString, time::Duration};

/// Linux counts a hundred ticks a second on every machine, whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);

/// User and system time that the process has used so far.
pub fn processor_time(process: u32) -> Option<Duration> {
    read_processor_time(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// What this process has used so far.
pub fn used() -> Option<Duration> {
    processor_time(std::process::id())
}

/// What a process has used, to the nanosecond: the sum of its threads, also of those that have ended since.
#[derive(Debug, Default)]
pub struct Meter(HashMap<OsString, u64>);

impl Meter {
    /// User and system time that the process has used so far; of a thread that ends between two calls, the time since
    /// the first is missing.
    pub fn processor_time(&mut self, process: u32) -> Option<Duration> {
        for thread in std::fs::read_dir(format!("/proc/{process}/task")).ok()? {
            let thread = thread.ok()?;
            // One that has just ended is not to be read any more.
            let Ok(told) = std::fs::read_to_string(thread.path().join("schedstat")) else { continue };
            self.0.insert(thread.file_name(), told.split_whitespace().next()?.parse().ok()?);
        }
        Some(Duration::from_nanos(self.0.values().sum()))
    }
}

/// The name in brackets may hold blanks; user and system ticks are the 14th and 15th fields of all.
pub fn read_processor_time(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some(TICK * (user + system))
}

/// The most resident bytes that the process ever had.
pub fn memory_peak(process: u32) -> Option<u64> {
    read_memory(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?, "VmHWM:")
}

/// A line of `/proc/…/status`, in bytes.
pub fn read_memory(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1_024)
}
