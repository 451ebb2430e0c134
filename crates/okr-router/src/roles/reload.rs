//! SIGHUP: the configuration is read again, and what can change without a restart changes.
//!
//! First the whole new file is checked and everything that is to change is made ready. Only if nothing is wrong, all of
//! it is put in force; else everything stays as it was. What a role cannot exchange is named.

use anyhow::Result;
use boot::{BoxError, Document, House};

use super::plan::{Change, plan};
use crate::{
    cli::Settings,
    config::{self, Reader, Whole},
};

/// A service of the role, seen from here.
pub trait Part: Send {
    /// Its name, for the plan.
    fn service(&self) -> super::plan::Service;

    /// Makes ready what the new configuration asks for. What it gives puts that in force, and cannot fail.
    fn prepare(&mut self, whole: &Whole) -> Result<Box<dyn FnOnce() + Send + '_>>;
}

/// What is read again, and who works with it.
pub struct Reload {
    pub settings: Settings,
    pub reader: Reader,
    pub parts: Vec<Box<dyn Part>>,
}

impl Reload {
    /// Waits for SIGHUP as a task of the house. `started` is the configuration that the role was started with.
    pub fn watch(mut self, started: &Whole, house: &House) {
        let (started, mut current) = (started.document.clone(), started.document.clone());
        let (hangup, shutdown) = (house.hangup.clone(), house.shutdown.clone());
        house.tasks.spawn("reload", async move {
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return Ok::<(), BoxError>(()),
                    () = hangup.notified() => {}
                }
                // Files are read and templates compiled here: the other tasks go on meanwhile.
                match tokio::task::block_in_place(|| self.again(&started, &current)) {
                    Ok((document, change)) => {
                        tell(&change);
                        current = document;
                    }
                    Err(error) => refuse(&error),
                }
            }
        });
    }

    /// All or nothing.
    fn again(&mut self, started: &Document, current: &Document) -> Result<(Document, Change)> {
        let whole = config::read(&self.settings, self.reader)?;
        let services: Vec<_> = self.parts.iter().map(|part| part.service()).collect();
        let mut ready = Vec::new();
        for part in &mut self.parts {
            ready.push(part.prepare(&whole)?);
        }
        ready.into_iter().for_each(|put_in_force| put_in_force());
        let change = plan(&services, started, current, &whole.document);
        Ok((whole.document, change))
    }
}

fn tell(change: &Change) {
    boot::config_reloaded("applied");
    boot::config_restart_keys(change.restart.len());
    let live = if change.live.is_empty() { "no key differs".to_owned() } else { change.live.join(", ") };
    tracing::info!(config.changed = live, "the configuration was read again and is in force ({live})");
    if !change.restart.is_empty() {
        let keys = change.restart.join(", ");
        tracing::warn!(config.restart = keys, "these keys changed and count only after a restart: {keys}");
    }
}

fn refuse(error: &anyhow::Error) {
    boot::config_reloaded("refused");
    // One line per finding: each names its place.
    for line in format!("{error:#}").lines() {
        tracing::error!(
            error = line,
            "the new configuration is refused, the one before stays in force: {line}"
        );
    }
}
