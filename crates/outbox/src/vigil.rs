//! Whether the engine itself works: its clerk, its leases, its targets' workers. That a remote hangs or refuses, or that
//! its rows grow old, is no fault of ours and makes nobody unready: the breaker and the age of the queue show it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a part of ours may stand still.
const STILL: Duration = Duration::from_secs(25);

/// How long one call of the store may last: longer than a store takes to give up by itself, with a new connection and
/// an answer that does not come.
const CALL: Duration = Duration::from_secs(45);

/// A store that hangs is not mended by our restart.
const HANGS: &str = "a call of the store does not end: look at the store, and restart the process only if the store \
    answers others";

/// What the engine's tasks leave behind as they turn. It costs next to nothing.
#[derive(Debug)]
pub struct Beats {
    since: Instant,
    /// Milliseconds at which the clerk's call under way began; 0 between calls.
    call: AtomicU64,
    /// How often each target's worker has turned; absent is never.
    targets: Mutex<HashMap<String, u64>>,
}

impl Default for Beats {
    /// Nothing has turned yet.
    fn default() -> Self {
        Self { since: Instant::now(), call: AtomicU64::new(0), targets: Mutex::default() }
    }
}

impl Beats {
    /// One call of the clerk to the store. Each is watched by itself: a round of several may take long, all being well.
    pub async fn during<T>(&self, call: impl Future<Output = T>) -> T {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.call.store(now.max(1), Ordering::Relaxed);
        let outcome = call.await;
        self.call.store(0, Ordering::Relaxed);
        outcome
    }

    /// A target's worker has turned.
    pub fn turned(&self, target: &str) {
        let mut targets = self.lock();
        match targets.get_mut(target) {
            Some(turns) => *turns += 1,
            None => drop(targets.insert(target.to_owned(), 1)),
        }
    }

    fn turns(&self, target: &str) -> u64 {
        self.lock().get(target).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Remembers since when things are as they are.
#[derive(Debug, Default)]
pub struct Vigil {
    unheld_since: Option<Duration>,
    /// Targets that were woken: their turns then, and since when they have not turned.
    woken: HashMap<String, (u64, Duration)>,
}

impl Vigil {
    /// Looks again: `woken` are the targets with due rows that were just woken. Answers what stands still, if anything.
    pub fn look(&mut self, beats: &Beats, is_holding: bool, woken: &[String]) -> Option<String> {
        let now = beats.since.elapsed();
        let began = Duration::from_millis(beats.call.load(Ordering::Relaxed));
        if !began.is_zero() && now.saturating_sub(began) >= CALL {
            return Some(HANGS.to_owned());
        }
        self.unheld_since = (!is_holding).then(|| self.unheld_since.unwrap_or(now));
        if self.unheld_since.is_some_and(|since| now.saturating_sub(since) >= STILL) {
            return Some("the leases of the targets are not renewed".to_owned());
        }
        let mut standing = HashMap::new();
        for target in woken {
            let turns = beats.turns(target);
            let before = self.woken.get(target).filter(|(known, _)| *known == turns);
            standing.insert(target.clone(), (turns, before.map_or(now, |(_, since)| *since)));
        }
        self.woken = standing;
        let still = |(_, (_, since)): &(&String, &(u64, Duration))| now.saturating_sub(*since) >= STILL;
        let target = self.woken.iter().filter(still).map(|(target, _)| target).min()?;
        Some(format!("the worker of {target} stands still although rows are due: restart the process"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Looks every two seconds for that long; the first complaint and when.
    async fn watch(
        beats: &Beats,
        seconds: u32,
        mut look: impl FnMut(&mut Vigil) -> Option<String>,
    ) -> Option<(String, Duration)> {
        let (mut vigil, began) = (Vigil::default(), beats.since.elapsed());
        for _ in 0..seconds / 2 {
            if let Some(why) = look(&mut vigil) {
                return Some((why, beats.since.elapsed() - began));
            }
            tokio::time::sleep(SECOND * 2).await;
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_turns_when_it_is_woken_is_well_however_old_its_rows_are() {
        let (beats, due) = (Beats::default(), ["desk".to_owned()]);
        let told = watch(&beats, 3_600, |vigil| {
            beats.turned("desk");
            vigil.look(&beats, true, &due)
        });
        assert_eq!(told.await, None);
        assert_eq!(watch(&beats, 3_600, |vigil| vigil.look(&beats, true, &[])).await, None, "nothing is due");
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_still_is_named_within_thirty_seconds() {
        let (beats, due) = (Beats::default(), ["desk".to_owned()]);
        let (why, at) = watch(&beats, 600, |vigil| vigil.look(&beats, true, &due)).await.unwrap();
        assert!(why.contains("worker of desk") && at <= SECOND * 30, "{why} after {at:?}");
        let (why, at) = watch(&beats, 600, |vigil| vigil.look(&beats, false, &[])).await.unwrap();
        assert!(why.contains("not renewed") && at <= SECOND * 30, "{why} after {at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_lasts_longer_than_a_store_takes_to_give_up_is_named() {
        let beats = Beats::default();
        let told = watch(&beats, 600, |vigil| vigil.look(&beats, true, &[]));
        let (why, at) = tokio::select! {
            told = told => told.unwrap(),
            () = beats.during(std::future::pending()) => unreachable!("it does not end"),
        };
        assert!(why.contains("does not end") && why.contains("look at the store"), "{why}");
        assert!((SECOND * 45..=SECOND * 50).contains(&at), "after {at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_end_are_well_though_there_is_always_one_under_way() {
        let beats = Beats::default();
        let told = watch(&beats, 600, |vigil| vigil.look(&beats, true, &[]));
        let calls = async {
            for _ in 0..20 {
                beats.during(tokio::time::sleep(SECOND * 40)).await;
            }
        };
        tokio::select! {
            told = told => assert_eq!(told, None),
            () = calls => unreachable!("it is watched for less"),
        }
    }
}
