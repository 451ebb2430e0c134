//! Whether a consumer that should move does. Pure: what is seen is passed in, look by look.
//!
//! A consumer stops in silence when its runtime or its thread stands still, when it fetches nothing although records
//! wait, or when the group has gone on without it. That nothing moves is no fault where nothing waits, where the budget
//! holds it back, or where the broker does not answer, which is told elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use bus::{Glance, Reach, Slot, Stand};

/// How long something may last before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The runtime's task does not turn.
    pub turn: Duration,
    /// The consumer's thread does not turn; it waits for a hand-back now and then.
    pub poll: Duration,
    /// Nothing comes though records wait.
    pub fetch: Duration,
    /// The group does not know the member.
    pub member: Duration,
}

impl Limits {
    /// With a look every five seconds, whatever it is shows within thirty, unless a hand-back may take longer.
    pub fn new(revoke_grace: Duration) -> Self {
        let second = Duration::from_secs;
        Self {
            turn: second(20),
            poll: second(20).max(revoke_grace + second(5)),
            fetch: second(15),
            member: second(9),
        }
    }

    /// Each member that had to be replaced gives the next one twice the time to come to something, up to sixteen times:
    /// a rejoin that does not help must not disturb the group for ever.
    pub fn after(self, replaced: u32) -> Self {
        let factor = 1 << replaced.min(4);
        Self { poll: self.poll * factor, fetch: self.fetch * factor, member: self.member * factor, ..self }
    }
}

/// What is seen at a look.
#[derive(Debug)]
pub struct Seen<'a> {
    /// As time since any fixed moment.
    pub at: Duration,
    /// How often the runtime's task has turned.
    pub turns: u64,
    pub glance: &'a Glance,
    /// What the slots hold, by the broker's word; none when it does not answer.
    pub reach: Option<&'a [Reach]>,
    /// Whether the group knows us; none when it does not say, or is rebalancing.
    pub is_member: Option<bool>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The runtime's task stands still: something blocks it. Nobody can replace it.
    Blocked,
    /// The consumer's thread stands still.
    Frozen,
    /// Records wait in this slot and do not come.
    Starved(Slot),
    /// The group goes on without us, and we do not know it.
    Forgotten,
}

impl Trouble {
    /// A stable label for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Blocked => "not_turning",
            Self::Frozen => "not_polling",
            Self::Starved(_) => "not_fetching",
            Self::Forgotten => "not_member",
        }
    }

    /// Whether a new member may do better.
    pub fn is_healed_by_rejoining(&self) -> bool {
        *self != Self::Blocked
    }

    /// What to tell the operator.
    pub fn words(&self) -> String {
        match self {
            Self::Blocked => "the runtime stands still, something blocks it: restart the process".to_owned(),
            Self::Frozen => "the thread that polls Kafka stands still".to_owned(),
            Self::Starved(slot) => format!("records wait in {slot} and do not come"),
            Self::Forgotten => "the group goes on without this member".to_owned(),
        }
    }
}

/// What a look leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It gets on, or has nothing to do.
    Well,
    /// Too little is known, or it was not long enough.
    Open,
    Trouble(Trouble),
}

/// Remembers since when things are as they are.
#[derive(Debug)]
pub struct Watchdog {
    limits: Limits,
    turned: Option<(u64, Duration)>,
    polled: Option<(u64, Duration)>,
    /// The group has named this member before: not every broker tells the names of members.
    was_member: bool,
    unknown_since: Option<Duration>,
    /// Slots with records that wait: where it stood, and since when.
    waiting: HashMap<Slot, (Place, Duration)>,
    /// Where it stood in each slot at the last look.
    places: HashMap<Slot, Place>,
}

/// Where a member stands in a slot: what came, and what was fetched.
type Place = (Option<i64>, Option<i64>);

impl Watchdog {
    /// Has seen nothing yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            turned: None,
            polled: None,
            was_member: false,
            unknown_since: None,
            waiting: HashMap::new(),
            places: HashMap::new(),
        }
    }

    /// Takes the next look. The gravest trouble is answered.
    pub fn look(&mut self, seen: &Seen<'_>) -> Verdict {
        let unturned = still(&mut self.turned, seen.turns, seen.at);
        let unpolled = still(&mut self.polled, seen.glance.turns, seen.at);
        let unknown = self.unknown(seen);
        let unfetched = self.unfetched(seen);
        let gets_on = self.gets_on(seen);
        let limits = self.limits;
        let trouble = if unturned >= limits.turn {
            Trouble::Blocked
        } else if unpolled >= limits.poll {
            Trouble::Frozen
        } else if unknown >= limits.member {
            Trouble::Forgotten
        } else if let Some(slot) = unfetched {
            Trouble::Starved(slot)
        } else {
            let is_sure = seen.reach.is_some() && self.unknown_since.is_none();
            let moves = unturned.is_zero() && unpolled.is_zero();
            return if is_sure && moves && gets_on { Verdict::Well } else { Verdict::Open };
        };
        Verdict::Trouble(trouble)
    }

    /// For how long the group has not known us.
    fn unknown(&mut self, seen: &Seen<'_>) -> Duration {
        self.was_member |= seen.is_member == Some(true);
        let is_unknown = self.was_member && seen.is_member == Some(false) && !seen.glance.stands.is_empty();
        self.unknown_since = is_unknown.then(|| self.unknown_since.unwrap_or(seen.at));
        self.unknown_since.map_or(Duration::ZERO, |since| seen.at.saturating_sub(since))
    }

    /// Whether it came further since the last look wherever records wait.
    fn gets_on(&mut self, seen: &Seen<'_>) -> bool {
        let places = seen.glance.stands.iter().map(|stand| (stand.slot.clone(), (stand.came, stand.fetched)));
        let before = std::mem::replace(&mut self.places, places.collect());
        let moved = |(slot, (place, _)): (&Slot, &(Place, Duration))| {
            before.get(slot).is_some_and(|was| was != place)
        };
        self.waiting.iter().all(moved)
    }

    /// A slot in which nothing came for too long although records wait.
    fn unfetched(&mut self, seen: &Seen<'_>) -> Option<Slot> {
        let Some(reach) = seen.reach.filter(|_| !seen.glance.is_held) else {
            self.waiting.clear();
            return None;
        };
        let mut waiting = HashMap::new();
        for stand in &seen.glance.stands {
            let place = (stand.came, stand.fetched);
            if !waits(stand, reach) {
                continue;
            }
            let before = self.waiting.get(&stand.slot).filter(|(known, _)| *known == place);
            let since = before.map_or(seen.at, |(_, since)| *since);
            waiting.insert(stand.slot.clone(), (place, since));
        }
        self.waiting = waiting;
        let late = |since: Duration| seen.at.saturating_sub(since) >= self.limits.fetch;
        self.waiting.iter().filter(|(_, (_, since))| late(*since)).map(|(slot, _)| slot).min().cloned()
    }
}

/// Whether a slot has records that did not come. Where a fetch has begun, its place counts and not that of the last
/// record: what ends a transaction is fetched and never comes.
fn waits(stand: &Stand, reach: &[Reach]) -> bool {
    let Some(reach) = reach.iter().find(|reach| reach.slot == stand.slot) else { return false };
    let begin = || stand.committed.unwrap_or(reach.low).max(reach.low);
    let place = stand.fetched.or(stand.came).unwrap_or_else(begin);
    reach.end > place.max(stand.came.unwrap_or(place)) || stand.queued > 0
}

/// For how long a count has not changed.
fn still(known: &mut Option<(u64, Duration)>, count: u64, at: Duration) -> Duration {
    match known {
        Some((before, since)) if *before == count => at.saturating_sub(*since),
        _ => {
            *known = Some((count, at));
            Duration::ZERO
        }
    }
}

#[cfg(test)]
mod tests;
