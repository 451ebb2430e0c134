//! What a role lives in, from its start to its exit code.

mod health;
mod probes;
mod signals;
mod tasks;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use self::health::{Check, CheckState, Health, Report};
pub use self::tasks::Tasks;
use crate::trace::{Exporter, Traces};
use crate::{BoxError, Clock, LogConfig, Span, logs, metrics_handle, observe, system_clock};

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
    /// Told at each SIGHUP, also before anybody waits for it: the configuration is to be read again.
    pub hangup: Arc<Notify>,
    /// Where the probes are served; `None` in a house of [`House::new`].
    pub admin: Option<SocketAddr>,
}

impl House {
    /// A house without probes or signals, for tests.
    pub fn new(clock: Clock) -> Self {
        let shutdown = CancellationToken::new();
        let tasks = Tasks::new(shutdown.clone());
        Self { health: Health::new(), tasks, shutdown, clock, hangup: Arc::default(), admin: None }
    }

    /// What `/readyz` answers: the checks, and not ready as soon as the role is to stop.
    pub fn report(&self) -> Report {
        let mut report = self.health.report();
        if self.shutdown.is_cancelled() {
            report.ready = false;
            let stopping = CheckState { ok: false, why: Some("stopping".to_owned()) };
            report.checks.insert("shutdown".into(), stopping);
        }
        report
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House").field("stopping", &self.shutdown.is_cancelled()).finish_non_exhaustive()
    }
}

/// How a role is to be run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Name of the role, for logs and metrics.
    pub role: &'static str,
    /// Where to serve the probes and metrics; port 0 takes any, told by [`House::admin`].
    pub admin_listen: SocketAddr,
    /// How long tasks may take once they were asked to stop.
    pub grace: Duration,
    /// How to log; heeded unless something logs already.
    pub log: LogConfig,
    /// Where spans go to; none are recorded without it.
    pub traces: Option<Traces>,
}

/// Runs a role until it is asked to stop, and gives the exit code of the process.
///
/// Serves the probes from the first moment, calls `start`, which connects what it needs and leaves its work running
/// as [`House::tasks`], and holds `/readyz` back until it returns. On SIGTERM or SIGINT it cancels
/// [`House::shutdown`] and waits for the tasks: 0 if all ended well, 1 if `start` or a task failed. If the grace runs
/// out, or at a second signal, the process exits with 1 at once. A role whose tasks all ended by themselves exits, too.
pub async fn run<F, Fut>(options: RunOptions, start: F) -> ExitCode
where
    F: FnOnce(House) -> Fut,
    Fut: Future<Output = Result<(), BoxError>>,
{
    match bring_up(&options).await {
        Ok(house) => {
            let exporter = options.traces.clone().and_then(Exporter::start);
            let ending = live(&house, options.grace, start).await;
            if let Ending::Overrun(running) = &ending {
                let grace = Span(options.grace);
                tracing::error!(?running, "not finished within {grace}: {}", running.join(", "));
                // A thread that hangs would keep the runtime, and with it the process, from ending.
                std::process::exit(1);
            }
            // Last of all: what ended a moment ago has spans, too.
            if let Some(exporter) = exporter {
                exporter.finish().await;
            }
            tracing::info!(role = options.role, "{} has stopped", options.role);
            if ending == Ending::Well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(why) => {
            tracing::error!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// How a role ended.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Well,
    Failed,
    /// These tasks were still running when the grace was over.
    Overrun(Vec<&'static str>),
}

async fn bring_up(options: &RunOptions) -> Result<House, String> {
    if let Err(error) = logs(&options.log) {
        // Nothing logs yet, and nobody would see the reason.
        eprintln!("{error}");
        return Err(error.to_string());
    }
    let metrics = metrics_handle();
    observe::build_info(options.role);
    let mut house = House::new(system_clock());
    signals::listen(house.shutdown.clone(), house.hangup.clone())
        .map_err(|error| format!("cannot listen for signals: {error}"))?;
    let listener = probes::bind(options.admin_listen).await?;
    house.admin = listener.local_addr().ok();
    tokio::spawn(probes::serve(listener, house.clone(), metrics));
    Ok(house)
}

async fn live<F, Fut>(house: &House, grace: Duration, start: F) -> Ending
where
    F: FnOnce(House) -> Fut,
    Fut: Future<Output = Result<(), BoxError>>,
{
    let started = house.health.check("start");
    {
        let mut start = pin!(start(house.clone()));
        tokio::select! {
            biased; // Who is asked to stop does not go on starting.
            () = house.shutdown.cancelled() => {}
            outcome = &mut start => match outcome {
                Ok(()) => started.ok(),
                Err(error) => house.tasks.fail("start", &tasks::chain(error.as_ref())),
            },
        }
    }
    tokio::select! {
        () = house.shutdown.cancelled() => {}
        () = house.tasks.idle() => house.shutdown.cancel(),
    }
    if tokio::time::timeout(grace, house.tasks.idle()).await.is_err() {
        return Ending::Overrun(house.tasks.running());
    }
    if house.tasks.failed().is_empty() { Ending::Well } else { Ending::Failed }
}

#[cfg(test)]
mod tests;
