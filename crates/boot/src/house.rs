//! What a role lives in.

mod health;
mod tasks;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use crate::house::health::{Check, Health, Report};
pub use crate::house::tasks::Tasks;
use crate::{BoxError, Clock, LogConfig};

/// What a role lives in: how it is asked to stop, says that it is well, runs its tasks and tells the time.
/// Cheap to clone; all clones are one house.
#[derive(Clone)]
pub struct House {
    /// Cancelled when the role is to stop: by a signal, a failed task, or whoever cancels it.
    pub shutdown: CancellationToken,
    /// What `/readyz` answers.
    pub health: Health,
    /// What is running.
    pub tasks: Tasks,
    /// What time it is.
    pub clock: Clock,
}

impl House {
    /// A house without probes or signals, for tests.
    pub fn new(clock: Clock) -> Self {
        let shutdown = CancellationToken::new();
        Self { health: Health::new(), tasks: Tasks::new(shutdown.clone()), shutdown, clock }
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House").field("shutdown", &self.shutdown.is_cancelled()).finish_non_exhaustive()
    }
}

/// How a role is to be run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Name of the role, for logs and metrics.
    pub role: &'static str,
    /// Where to serve the probes and metrics.
    pub admin_listen: SocketAddr,
    /// How long tasks may take once they were asked to stop.
    pub grace: Duration,
    /// How to log.
    pub log: LogConfig,
}

/// Runs a role.
pub async fn run<F, Fut>(_options: RunOptions, _start: F) -> ExitCode
where
    F: FnOnce(House) -> Fut,
    Fut: Future<Output = Result<(), BoxError>>,
{
    todo!()
}
