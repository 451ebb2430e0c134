//! When a source usually speaks, and whether its silence is unusual. Pure: times are passed in.
//!
//! Each hour of the week (in UTC) keeps in how many of the weeks that were watched the source said something in it. A
//! silence runs through hours; each hour in which it usually speaks makes it less likely that the silence is chance.
//! Bursts count as much as single deliveries, nights and weekends are learned, and where nothing was learned yet,
//! nothing is told.

use std::time::Duration;

use jiff::Timestamp;

/// Hours of a week.
const HOURS: usize = 7 * 24;
const HOUR_SECONDS: i64 = 3600;
/// What a week counts for beside the one after it: about the last ten weeks have a say.
const FADING: f64 = 0.9;
/// A silence that comes by chance once in a thousand times.
const CHANCE: f64 = 0.001;
/// No silence is looked at further back: beyond it, it is unusual or nothing was learned.
const LOOK_BACK_HOURS: i64 = 4 * HOURS as i64;

/// See the head of this file.
#[derive(Debug, Clone)]
pub(crate) struct Habit {
    hours: Vec<Hour>,
    watched: Option<Watched>,
}

/// The hour that is being watched.
#[derive(Debug, Clone, Copy)]
struct Watched {
    /// Since 1970.
    hour: i64,
    /// From its beginning: of the hour in which watching began nobody knows all.
    is_whole: bool,
    spoken: bool,
}

/// One hour of the week, over the weeks.
#[derive(Debug, Clone, Copy, Default)]
struct Hour {
    watched: f64,
    spoken: f64,
}

impl Hour {
    /// How likely it is that this hour passes without a word. One week more, a silent one, is thought beside those
    /// that were watched, so that little experience says little.
    fn silence(self) -> f64 {
        1.0 - self.spoken / (self.watched + 1.0)
    }
}

impl Habit {
    pub(crate) fn new() -> Self {
        Self { hours: vec![Hour::default(); HOURS], watched: None }
    }

    /// Told again and again, at least once an hour: `spoken_at` is the last time that something was said. An hour is
    /// learned when it is over and was watched from its beginning.
    pub(crate) fn watch(&mut self, now: Timestamp, spoken_at: Option<Timestamp>) {
        let hour = hour_of(now);
        let spoken_in = |hour| spoken_at.is_some_and(|at| hour_of(at) == hour);
        let before = self.watched.filter(|before| before.hour == hour || before.hour + 1 == hour);
        if let Some(before) = before.filter(|before| before.hour == hour) {
            self.watched = Some(Watched { spoken: before.spoken || spoken_in(hour), ..before });
            return;
        }
        if let Some(over) = before.filter(|over| over.is_whole) {
            let learned = &mut self.hours[slot(over.hour)];
            learned.watched = learned.watched * FADING + 1.0;
            learned.spoken *= FADING;
            learned.spoken += if over.spoken || spoken_in(over.hour) { 1.0 } else { 0.0 };
        }
        // A clock that goes back, or leaps over hours, teaches nothing.
        self.watched = Some(Watched { hour, is_whole: before.is_some(), spoken: spoken_in(hour) });
    }

    /// Whether it is unusual that nothing was said since then.
    pub(crate) fn is_silent(&self, now: Timestamp, since: Timestamp) -> bool {
        // The hour of the last word and the one that is not over yet count for nothing.
        let (first, last) = (hour_of(since) + 1, hour_of(now));
        let mut chance = 1.0;
        for hour in first.max(last - LOOK_BACK_HOURS)..last {
            chance *= self.hours[slot(hour)].silence();
        }
        chance < CHANCE
    }
}

/// Whether a source is silent: by the configured span, or by its habit.
pub(crate) fn is_silent(
    habit: &Habit,
    silent_after: Option<Duration>,
    now: Timestamp,
    since: Timestamp,
) -> bool {
    match silent_after {
        Some(after) => now.duration_since(since).unsigned_abs() >= after && now > since,
        None => habit.is_silent(now, since),
    }
}

/// Hours since 1970.
fn hour_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(HOUR_SECONDS)
}

/// The hour's place in its week.
fn slot(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(HOURS as i64)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
