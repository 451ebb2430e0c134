//! Watches over a service's consumer from a task of its own, so that it is noticed when nothing else moves: looks every
//! five seconds, lets the watchdog judge, tells `/readyz` and the metrics, and has a member replaced that only a new one
//! can heal. How each partition is consumed is judged here too, by Burrow's rules.

mod eyes;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use boot::{Check, House};
use bus::burrow::{Commit, Status, Window};
use bus::{Glance, Reach, Slot};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

pub use self::eyes::{Broker, Vitals};
use crate::observe;
use crate::watchdog::{Limits, Seen, Verdict, Watchdog};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(5);
/// How many looks are a window of Burrow's: a minute.
const WINDOW: usize = 12;

/// Watches over all members that a service has in this process, one after the other.
#[derive(Clone)]
pub struct Lookout {
    service: &'static str,
    broker: Arc<dyn Broker>,
    check: Check,
    limits: Limits,
    /// Members that had to be replaced since the last one that was well.
    replaced: Arc<AtomicU32>,
}

/// A membership's end of its lookout; dropped, nobody looks any more.
#[derive(Debug)]
pub struct Leash {
    turns: Arc<AtomicU64>,
    trouble: watch::Receiver<Option<String>>,
    _looks: JoinSet<()>,
}

impl Leash {
    /// The runtime's task has turned once more. Nobody else writes, so it costs next to nothing.
    pub fn turned(&self) {
        self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Why this member has to be replaced, if so.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }
}

impl Lookout {
    /// Nothing is known against the service yet. `revoke_grace` is how long its consumers may wait for a hand-back.
    pub fn new(
        service: &'static str,
        broker: Arc<dyn Broker>,
        house: &House,
        revoke_grace: Duration,
    ) -> Self {
        let check = house.health.check(format!("{service}.watchdog"));
        check.ok();
        Self { service, broker, check, limits: Limits::new(revoke_grace), replaced: Arc::default() }
    }

    /// Looks after a new member until the leash is dropped.
    pub fn follow(&self, vitals: impl Vitals) -> Leash {
        let (turns, (tell, trouble)) = (Arc::<AtomicU64>::default(), watch::channel(None));
        let mut looks = JoinSet::new();
        looks.spawn(self.clone().looks(vitals, Arc::clone(&turns), tell));
        Leash { turns, trouble, _looks: looks }
    }

    async fn looks(self, vitals: impl Vitals, turns: Arc<AtomicU64>, tell: watch::Sender<Option<String>>) {
        let (since, replaced) = (Instant::now(), self.replaced.load(Ordering::Relaxed));
        let mut watchdog = Watchdog::new(self.limits.after(replaced));
        let mut course = Course::new(vitals.group().to_owned());
        let mut is_noted = false;
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let slots: Vec<Slot> = vitals.look().stands.into_iter().map(|stand| stand.slot).collect();
            let (reach, is_member) =
                tokio::join!(self.broker.reach(&slots), self.broker.knows(vitals.client_id()));
            // What the broker says must not be older than what the member has done.
            let glance = vitals.look();
            let at = since.elapsed();
            course.look(at, &glance, reach.as_deref());
            let turns = turns.load(Ordering::Relaxed);
            let seen = Seen { at, turns, glance: &glance, reach: reach.as_deref(), is_member };
            match watchdog.look(&seen) {
                Verdict::Open => {}
                Verdict::Well => {
                    self.replaced.store(0, Ordering::Relaxed);
                    self.check.ok();
                    is_noted = false;
                }
                Verdict::Trouble(trouble) => {
                    self.check.fail(trouble.words());
                    if !std::mem::replace(&mut is_noted, true) {
                        observe::noticed(self.service, &trouble);
                    }
                    if trouble.is_healed_by_rejoining() && tell.borrow().is_none() {
                        self.replaced.fetch_add(1, Ordering::Relaxed);
                        tell.send_replace(Some(trouble.words()));
                    }
                }
            }
        }
    }
}

/// How the slots of a member are consumed; what is told of them ends with it.
struct Course {
    group: String,
    windows: HashMap<Slot, Window>,
}

impl Course {
    fn new(group: String) -> Self {
        Self { group, windows: HashMap::new() }
    }

    fn look(&mut self, at: Duration, glance: &Glance, reach: Option<&[Reach]>) {
        let told = self.judge(at, glance, reach);
        told.iter().for_each(|(slot, status)| observe::course(&self.group, slot, *status));
    }

    /// What is to be told; a slot that went is told once more, for another member tells it from now on.
    fn judge(&mut self, at: Duration, glance: &Glance, reach: Option<&[Reach]>) -> Vec<(Slot, Status)> {
        let gone = self.windows.extract_if(|slot, _| glance.stands.iter().all(|stand| stand.slot != *slot));
        let mut told: Vec<(Slot, Status)> = gone.map(|(slot, _)| (slot, Status::Ok)).collect();
        for stand in &glance.stands {
            let reach = reach.and_then(|reach| reach.iter().find(|reach| reach.slot == stand.slot));
            let Some(reach) = reach else { continue };
            let offset = stand.committed.unwrap_or(reach.low).max(reach.low);
            let lag = (reach.end - offset).max(0);
            let window = self.windows.entry(stand.slot.clone()).or_insert_with(|| Window::new(WINDOW));
            // As long as the broker does not confirm the last commit, nobody has committed.
            if stand.is_confirmed {
                window.push(Commit { at, offset, lag });
            }
            told.push((stand.slot.clone(), window.status(at, lag)));
        }
        told
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        self.windows.keys().for_each(|slot| observe::course(&self.group, slot, Status::Ok));
    }
}

#[cfg(test)]
mod tests;
