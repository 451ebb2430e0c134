//! Notes, and who wrote or did something, go by their age (`warehouse.notes_age_max`).
//!
//! What an event says of its subject stays, whatever its age: a late one is folded among those that are there, and would
//! come to another state without them. So nothing of that is ever pruned, and text of people alone is.

use std::sync::Arc;
use std::time::Duration;

use boot::{BoxError, House};
use jiff::Timestamp;
use worker::ProgressError;
use worker::readiness::over;

use crate::sweep::{Rule, Tally};
use crate::{Target, observe};

/// How often everything is gone through: what came late, and what has grown too old since.
const EVERY: Duration = Duration::from_secs(6 * 60 * 60);
/// The pause after a failure.
const AGAIN: Duration = Duration::from_secs(60);
/// Between some subjects and the next ones, so that those who write come in between.
const PAUSE: Duration = Duration::from_millis(20);
/// Stands for the run where a rule asked for it, and no person.
const RUN: &str = "retention";

/// Until the house shuts down.
pub(crate) async fn keep(house: House, target: Arc<dyn Target>, age_max: Duration) -> Result<(), BoxError> {
    loop {
        let age_max = jiff::SignedDuration::try_from(age_max).unwrap_or(jiff::SignedDuration::MAX);
        // An age beyond all times means that nothing is too old.
        let than = (house.clock)().checked_sub(age_max).unwrap_or(Timestamp::MIN);
        let pause = match pass(&house, &*target, than).await {
            Ok(tally) => {
                if tally.changed > 0 {
                    let events = tally.changed;
                    tracing::info!(events, "{events} events lost notes and actors that had grown too old");
                }
                EVERY
            }
            Err(error) => {
                tracing::warn!(%error, "notes that have grown too old stay for now: {error}");
                AGAIN
            }
        };
        if over(&house, pause).await {
            return Ok(());
        }
    }
}

async fn pass(house: &House, target: &dyn Target, than: Timestamp) -> Result<Tally, ProgressError> {
    let (rule, mut tally, mut after) = (Rule::Older(than), Tally::default(), None);
    loop {
        let swept = target.sweep(after, &rule, Some(RUN)).await?;
        observe::erased("age", swept.tally.changed);
        tally.add(swept.tally);
        if swept.last.is_none() || over(house, PAUSE).await {
            return Ok(tally);
        }
        after = swept.last;
    }
}
