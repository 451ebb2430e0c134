//! Kind `terminal`: each message as a line on stdout.
//!
//! A thread of its own writes, so that a stdout that nobody reads holds up this destination and nothing else.

mod plain;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use async_trait::async_trait;
use boot::Rate;
use outbox::{Destination, Form, Refusal, Shipment};
use tokio::sync::oneshot;

use crate::{DestinationError, catalog::Plan};

/// What it reads besides `kind`.
pub(crate) const KEYS: &[&str] = &["rate", "timeout", "concurrency"];

/// Lines waiting for the writer. One is under way per delivery; more only gather when stdout is stuck.
const LINES_WAITING_MAX: usize = 64;

/// A line and who waits for it.
struct Line {
    text: String,
    written: oneshot::Sender<io::Result<()>>,
}

struct Terminal {
    name: String,
    lines: SyncSender<Line>,
    rate: Rate,
    timeout: Duration,
    concurrency: usize,
}

pub(crate) fn build(plan: Plan<'_>) -> Result<Arc<dyn Destination>, DestinationError> {
    with_output(plan, Box::new(io::stdout()))
}

fn with_output(
    plan: Plan<'_>,
    output: Box<dyn Write + Send>,
) -> Result<Arc<dyn Destination>, DestinationError> {
    let (lines, waiting) = sync_channel(LINES_WAITING_MAX);
    std::thread::Builder::new()
        .name(format!("print {}", plan.name))
        .spawn(move || print(&waiting, output))
        .map_err(|error| DestinationError::new(plan.name, "", format!("its thread did not start: {error}")))?;
    let Plan { name, rate, timeout, concurrency, .. } = plan;
    Ok(Arc::new(Terminal { name: name.to_owned(), lines, rate, timeout, concurrency }))
}

/// Writes until the destination is dropped. What nobody waits for any more is not written: it will be tried again.
fn print(waiting: &Receiver<Line>, mut output: Box<dyn Write + Send>) {
    while let Ok(Line { text, written }) = waiting.recv() {
        if !written.is_closed() {
            let result = output.write_all(text.as_bytes()).and_then(|()| output.flush());
            // Nobody waits: the attempt has timed out meanwhile.
            let _ = written.send(result);
        }
    }
}

#[async_trait]
impl Destination for Terminal {
    fn name(&self) -> &str {
        &self.name
    }

    fn form(&self) -> Form {
        Form::Text
    }

    fn escape(&self) -> fn(&str) -> String {
        plain::escape
    }

    fn rate(&self) -> Rate {
        self.rate
    }

    fn rate_key(&self) -> String {
        format!("terminal/{}", self.name)
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    async fn deliver(&self, shipment: &Shipment) -> Result<(), Refusal> {
        let text = shipment.text.as_deref().or(shipment.title.as_deref()).unwrap_or_default();
        let (written, done) = oneshot::channel();
        let line = Line { text: plain::lines(&self.name, text), written };
        self.lines.try_send(line).map_err(|full| match full {
            TrySendError::Full(_) => passing("stdout_slow", "nobody reads stdout", false),
            TrySendError::Disconnected(_) => passing("stdout_closed", "the writing thread is gone", false),
        })?;
        match tokio::time::timeout(self.timeout, done).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(passing("stdout_closed", &error.to_string(), false)),
            Ok(Err(_)) => Err(passing("stdout_closed", "the writing thread is gone", true)),
            Err(_) => Err(passing("timeout", "stdout did not take the line in time", true)),
        }
    }
}

fn passing(reason: &'static str, error: &str, ambiguous: bool) -> Refusal {
    Refusal::Passing { after: None, reason, error: error.to_owned(), ambiguous }
}

#[cfg(test)]
mod tests;
