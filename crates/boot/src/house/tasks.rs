//! The named tasks of a role.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::BoxError;

/// The named tasks of a role. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Tasks {
    shutdown: CancellationToken,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// How many are running, for whoever waits for the last one.
    running: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    started: u64,
    running: BTreeMap<u64, &'static str>,
    failed: Vec<&'static str>,
}

impl Tasks {
    pub(crate) fn new(shutdown: CancellationToken) -> Self {
        let shared = Shared { state: Mutex::default(), running: watch::Sender::new(0) };
        Self { shutdown, shared: Arc::new(shared) }
    }

    /// Starts a task; call it inside the runtime. If it ends with an error or panics, the role is asked to stop and
    /// exits with 1, naming the task. A task that ends well leaves the others alone.
    pub fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), BoxError>> + Send + 'static,
    ) {
        let number = {
            let mut state = self.state();
            state.started += 1;
            let number = state.started;
            state.running.insert(number, name);
            number
        };
        self.count();
        let (tasks, task) = (self.clone(), tokio::spawn(task));
        tokio::spawn(async move {
            let outcome = task.await;
            if let Some(why) = cause(outcome) {
                tasks.fail(name, &why);
            }
            tasks.state().running.remove(&number);
            tasks.count();
        });
    }

    /// Names of the tasks that are running, in the order of their start.
    pub fn running(&self) -> Vec<&'static str> {
        self.state().running.values().copied().collect()
    }

    /// Names of the tasks that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.state().failed.clone()
    }

    /// Ends when no task is running.
    pub async fn idle(&self) {
        // Fails only once the sender is gone, and we hold it.
        let _ = self.shared.running.subscribe().wait_for(|running| *running == 0).await;
    }

    /// Notes a failure, says so once, and asks the role to stop.
    pub(super) fn fail(&self, name: &'static str, why: &str) {
        tracing::error!(task = name, error = why, "{name} failed, so this role stops: {why}");
        self.state().failed.push(name);
        self.shutdown.cancel();
    }

    fn count(&self) {
        let running = self.state().running.len();
        self.shared.running.send_replace(running);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cause(outcome: Result<Result<(), BoxError>, JoinError>) -> Option<String> {
    match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(chain(error.as_ref())),
        Err(error) if error.is_panic() => Some(format!("panicked: {}", panic_text(&*error.into_panic()))),
        Err(error) => Some(error.to_string()),
    }
}

/// An error and its causes, each once, for one log line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // Many libraries repeat their source in their own message.
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

#[cfg(test)]
mod tests;
