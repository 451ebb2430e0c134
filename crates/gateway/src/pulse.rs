//! When each source was last heard, and the watch over their silence.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use boot::House;
use jiff::Timestamp;

use crate::{
    door::Door,
    habit::{self, Habit},
    observe,
};

/// How often the sources, and the bytes in flight, are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// No time at all.
const NEVER: i64 = i64::MIN;

/// When something of the source was last accepted. It outlives the source's configuration.
#[derive(Debug)]
pub(crate) struct Pulse(AtomicI64);

impl Pulse {
    pub(crate) fn new() -> Self {
        Self(AtomicI64::new(NEVER))
    }

    /// A delivery was accepted.
    pub(crate) fn beat(&self, at: Timestamp) {
        self.0.fetch_max(at.as_microsecond(), Ordering::Relaxed);
    }

    fn last(&self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.0.load(Ordering::Relaxed)).ok()
    }
}

/// What is known of the sources' habits. They are learned anew with each process.
#[derive(Debug)]
pub(crate) struct Watch {
    began: Timestamp,
    habits: HashMap<String, Habit>,
}

impl Watch {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { began: now, habits: HashMap::new() }
    }

    /// Looks at a source and says whether it is silent.
    pub(crate) fn look(
        &mut self,
        name: &str,
        pulse: &Pulse,
        silent_after: Option<Duration>,
        now: Timestamp,
    ) -> bool {
        let last = pulse.last();
        let habit = self.habits.entry(name.to_owned()).or_insert_with(Habit::new);
        habit.watch(now, last);
        // One that was never heard is silent since watching began.
        habit::is_silent(habit, silent_after, now, last.unwrap_or(self.began))
    }
}

impl Watch {
    /// Forgets the habits of all but these sources, and gives the names of the others.
    fn forget_but(&mut self, is_heard: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
        let gone: Vec<String> = self.habits.keys().filter(|name| !is_heard(name)).cloned().collect();
        gone.iter().for_each(|name| drop(self.habits.remove(name)));
        gone.into_iter()
    }
}

/// Keeps looking until the house shuts down.
pub(crate) fn watch(door: Arc<Door>, house: &House) {
    let (clock, shutdown) = (house.clock.clone(), house.shutdown.clone());
    house.tasks.spawn("gateway.pulse", async move {
        let mut watch = Watch::new(clock());
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                _ = ticks.tick() => {}
            }
            observe::in_flight(door.in_flight());
            observe::unfinished(door.unfinished());
            let entrances = door.entrances().take();
            // A source that is no longer listened to is not missed.
            let is_heard =
                |name: &str| entrances.get(name).is_some_and(|entrance| !entrance.source.is_paused());
            watch.forget_but(is_heard).for_each(|name| observe::silent(&name, false));
            for entrance in entrances.iter().filter(|entrance| is_heard(entrance.source.name())) {
                let (source, pulse) = (&entrance.source, entrance.pulse());
                let is_silent = watch.look(source.name(), pulse, source.silent_after(), clock());
                observe::silent(source.name(), is_silent);
                if let Some(last) = pulse.last() {
                    observe::last_accepted(source.name(), last);
                }
            }
        }
    });
}

#[cfg(test)]
mod tests;
