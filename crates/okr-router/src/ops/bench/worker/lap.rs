//! One round's stop-watch: time and processor time between two counts of records.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use boot::CancellationToken;

use super::{super::meter, report::Round};

/// How long a round may stand still, joining its group included, before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Counts records. The first tenth warms up and the last tenth, in which work runs out, is not counted either.
#[derive(Debug)]
pub(super) struct Lap {
    from: u64,
    to: u64,
    counted: AtomicU64,
    begun: OnceLock<Moment>,
    ended: OnceLock<Moment>,
    over: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    at: Instant,
    /// Of the whole process; none where it cannot be read.
    cpu: Option<Duration>,
}

impl Moment {
    fn now() -> Self {
        Self { at: Instant::now(), cpu: meter::processor_time(std::process::id()) }
    }
}

impl Lap {
    /// Over so many records, of which eight tenths count.
    pub(super) fn new(records: u64) -> Self {
        let from = (records / 10).max(1);
        Self {
            from,
            to: (records - records / 10).max(from + 1),
            counted: AtomicU64::new(0),
            begun: OnceLock::new(),
            ended: OnceLock::new(),
            over: CancellationToken::new(),
        }
    }

    /// A record is done; true once the lap is over.
    pub(super) fn count(&self) -> bool {
        let counted = self.counted.fetch_add(1, Ordering::Relaxed) + 1;
        if counted == self.from {
            let _ = self.begun.set(Moment::now());
        }
        if counted == self.to {
            let _ = self.ended.set(Moment::now());
            self.over.cancel();
        }
        counted >= self.to
    }

    /// What was measured, once the lap is over.
    pub(super) async fn round(&self) -> Result<Round> {
        let mut seen = (0, Instant::now());
        while tokio::time::timeout(LOOK_EVERY, self.over.cancelled()).await.is_err() {
            let counted = self.counted.load(Ordering::Relaxed);
            if counted != seen.0 {
                seen = (counted, Instant::now());
            }
            if seen.1.elapsed() > PATIENCE {
                bail!("nothing came for {} s after {counted} of {} records", PATIENCE.as_secs(), self.to);
            }
        }
        let (begun, ended) = self.begun.get().zip(self.ended.get()).context("it never began")?;
        let cpu =
            begun.cpu.zip(ended.cpu).context("processor time is read from /proc, which only Linux has")?;
        Ok(Round {
            records: self.to - self.from,
            wall: ended.at - begun.at,
            cpu: cpu.1.saturating_sub(cpu.0),
        })
    }
}
