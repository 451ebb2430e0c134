//! The target leases: one owner delivers for a target at a time.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::EngineOptions;
use crate::crew::Roster;

/// The targets that are ours, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    targets: HashSet<String>,
    until: Timestamp,
}

impl Holding {
    /// Nothing is ours.
    pub fn none() -> Self {
        Self { targets: HashSet::new(), until: Timestamp::MIN }
    }

    /// Whether our leases are renewed at `now`; which targets are ours is another matter.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// Whether `target` is ours at `now`.
    pub fn has(&self, target: &str, now: Timestamp) -> bool {
        now < self.until && self.targets.contains(target)
    }
}

/// Renews the leases until the house shuts down, thrice per lease, so that one failure costs no target, and at once when
/// the targets are others. What the store does not confirm runs out by itself.
pub async fn renew(
    options: &EngineOptions,
    mut roster: watch::Receiver<Roster>,
    holding: &watch::Sender<Holding>,
) {
    let lease = options.config.lease.0;
    while !options.house.shutdown.is_cancelled() {
        let now = (options.house.clock)();
        let until = later(now, lease);
        let targets = names(&roster.borrow_and_update());
        let held = options.queue.hold(options.service, &options.owner, &targets, until, now).await;
        let pause = match held {
            Ok(targets) => {
                let next = Holding { targets: targets.into_iter().collect(), until };
                holding.send_replace(next);
                lease / 3
            }
            Err(error) => {
                tracing::warn!(service = options.service, %error, "target leases were not renewed");
                Duration::from_secs(1).min(lease / 3)
            }
        };
        tokio::select! {
            () = options.house.shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            Ok(()) = roster.changed() => {}
        }
    }
}

/// The targets of these destinations.
pub fn names(roster: &Roster) -> Vec<String> {
    roster.iter().map(|destination| destination.name().to_owned()).collect()
}

/// `span` after `moment`, or the end of time.
pub fn later(moment: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    moment.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// How long it is from `now` until `moment`; nothing if that is past.
pub fn until(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now)).unwrap_or_default()
}
