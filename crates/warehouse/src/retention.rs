//! Notes, and who wrote or did something, go by their age (`warehouse.notes_age_max`).
//!
//! What an event says of its subject stays, whatever its age: a late one is folded among those that are there, and would
//! come to another state without them. So nothing of that is ever pruned, and text of people alone is.

use std::sync::Arc;
use std::time::Duration;

use boot::{BoxError, House};
use jiff::Timestamp;
use tokio::time::Instant;
use worker::ProgressError;
use worker::readiness::over;

use crate::sweep::{Rule, Tally};
use crate::target::Turn;
use crate::{Target, observe};

/// How often everything is gone through: what came late, and what has grown too old since.
const EVERY: Duration = Duration::from_secs(6 * 60 * 60);
/// How often a member asks whether it is its turn, and shows that it is still there when it is.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Between some subjects and the next ones, so that those who write come in between.
const PAUSE: Duration = Duration::from_millis(20);

/// Of what happened before this, notes and actors are not kept. An age beyond all times means that nothing is too old.
pub fn notes_since(now: Timestamp, age_max: Duration) -> Timestamp {
    let age_max = jiff::SignedDuration::try_from(age_max).unwrap_or(jiff::SignedDuration::MAX);
    now.checked_sub(age_max).unwrap_or(Timestamp::MIN)
}

/// Until the house shuts down. Of several members one does it, as long as it is there.
pub(crate) async fn keep(
    house: House,
    target: Arc<dyn Target>,
    age_max: Duration,
    look_every: Duration,
) -> Result<(), BoxError> {
    let (mut turn, mut next): (Option<Turn>, Option<Instant>) = (None, None);
    loop {
        match ours(&*target, turn.take()).await {
            Ok(found) => turn = found,
            Err(error) => {
                tracing::debug!(%error, "whose turn it is to look for old notes is not known: {error}")
            }
        }
        let is_time = next.is_none_or(|next| Instant::now() >= next);
        // Whoever else has it goes through them; should it end, nobody here knows when that was.
        next.take_if(|_| turn.is_none());
        if let Some(turn) = turn.as_ref().filter(|_| is_time) {
            match pass(&house, &*target, turn, notes_since((house.clock)(), age_max)).await {
                Ok(tally) => {
                    if tally.changed > 0 {
                        let events = tally.changed;
                        tracing::info!(
                            events,
                            "{events} events lost notes and actors that had grown too old"
                        );
                    }
                    next = Some(Instant::now() + EVERY);
                }
                Err(error) => {
                    tracing::warn!(%error, "notes that have grown too old stay for now: {error}");
                }
            }
        }
        if over(&house, look_every).await {
            return Ok(());
        }
    }
}

/// The turn that we have, or one that nobody has.
async fn ours(target: &dyn Target, turn: Option<Turn>) -> Result<Option<Turn>, ProgressError> {
    if let Some(turn) = turn
        && turn.is_held().await
    {
        return Ok(Some(turn));
    }
    target.turn().await
}

/// Goes through all subjects, as long as it is our turn; that it is is also said, so that the server hears of us.
pub(crate) async fn pass(
    house: &House,
    target: &dyn Target,
    turn: &Turn,
    than: Timestamp,
) -> Result<Tally, ProgressError> {
    let (rule, mut tally, mut after) = (Rule::Older(than), Tally::default(), None);
    loop {
        if !turn.is_held().await {
            return Err(ProgressError::Unavailable("it is another member's turn".to_owned()));
        }
        let swept = target.sweep(after, &rule, true).await?;
        observe::erased("age", swept.tally.changed);
        tally.add(swept.tally);
        if swept.last.is_none() || over(house, PAUSE).await {
            return Ok(tally);
        }
        after = swept.last;
    }
}
