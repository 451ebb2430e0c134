use std::time::Duration;

use bus::{Glance, Reach, Slot, Stand};

use super::{Limits, Seen, Trouble, Verdict, Watchdog};

const SECOND: Duration = Duration::from_secs(1);

fn slot(partition: i32) -> Slot {
    Slot::new("okr.events", partition)
}

/// A member whose thread and runtime turn, looked at every five seconds.
struct Scene {
    watchdog: Watchdog,
    at: Duration,
    turns: u64,
    glance: Glance,
    reach: Option<Vec<Reach>>,
    is_member: Option<bool>,
}

impl Scene {
    /// Holds slot 0, has got `came` and fetched to there; the slot ends at `end`.
    fn new(came: i64, end: i64) -> Self {
        let stand = Stand {
            slot: slot(0),
            came: Some(came),
            fetched: Some(came),
            queued: 0,
            committed: Some(came),
            is_confirmed: true,
        };
        Self {
            watchdog: Watchdog::new(Limits::new(SECOND * 15)),
            at: Duration::ZERO,
            turns: 0,
            glance: Glance { turns: 0, is_held: false, stands: vec![stand] },
            reach: Some(vec![Reach { slot: slot(0), low: 0, end }]),
            is_member: Some(true),
        }
    }

    /// Looks until `seconds` have passed or something is wrong; answers the last verdict and when it was.
    fn watch(&mut self, seconds: u32, mut before: impl FnMut(&mut Self)) -> (Verdict, Duration) {
        let mut verdict = Verdict::Open;
        while self.at <= SECOND * seconds {
            self.turns += 1;
            self.glance.turns += 50;
            before(self);
            let seen = Seen {
                at: self.at,
                turns: self.turns,
                glance: &self.glance,
                reach: self.reach.as_deref(),
                is_member: self.is_member,
            };
            verdict = self.watchdog.look(&seen);
            if matches!(verdict, Verdict::Trouble(_)) {
                return (verdict, self.at);
            }
            self.at += SECOND * 5;
        }
        (verdict, self.at)
    }

    #[track_caller]
    fn noticed(&mut self, expected: Trouble, before: impl FnMut(&mut Self)) {
        let (verdict, at) = self.watch(600, before);
        assert_eq!(verdict, Verdict::Trouble(expected));
        // A look is up to five seconds late.
        assert!(at <= SECOND * 25, "noticed only after {at:?}");
    }

    #[track_caller]
    fn passes(&mut self, before: impl FnMut(&mut Self)) {
        let (verdict, at) = self.watch(3_600, before);
        assert!(!matches!(verdict, Verdict::Trouble(_)), "{verdict:?} after {at:?}");
    }
}

#[test]
fn records_that_wait_and_do_not_come_are_noticed() {
    Scene::new(5, 9).noticed(Trouble::Starved(slot(0)), |_| {});
    // A look tells it is not well even before it is sure.
    assert_eq!(Scene::new(5, 9).watch(5, |_| {}).0, Verdict::Open);
}

#[test]
fn records_that_were_fetched_and_are_not_handed_out_are_noticed() {
    Scene::new(5, 9).noticed(Trouble::Starved(slot(0)), |scene| {
        (scene.glance.stands[0].fetched, scene.glance.stands[0].queued) = (Some(9), 4);
    });
}

#[test]
fn a_member_that_never_began_to_fetch_is_noticed() {
    Scene::new(0, 9).noticed(Trouble::Starved(slot(0)), |scene| {
        (scene.glance.stands[0].came, scene.glance.stands[0].fetched) = (None, None);
    });
    // Nothing waits behind the committed offset.
    Scene::new(9, 9).passes(|scene| {
        (scene.glance.stands[0].came, scene.glance.stands[0].fetched) = (None, None);
    });
}

#[test]
fn one_slot_that_stands_still_is_noticed_beside_one_that_moves() {
    let mut scene = Scene::new(0, 1_000_000);
    let still = Stand { slot: slot(1), ..scene.glance.stands[0].clone() };
    scene.glance.stands.push(still);
    scene.reach.as_mut().unwrap().push(Reach { slot: slot(1), low: 0, end: 1 });
    scene.noticed(Trouble::Starved(slot(1)), |scene| {
        let moved = scene.glance.stands[0].came.map(|came| came + 10);
        (scene.glance.stands[0].came, scene.glance.stands[0].fetched) = (moved, moved);
    });
}

#[test]
fn a_consumer_with_nothing_to_do_is_well() {
    let (verdict, _) = Scene::new(9, 9).watch(3_600, |_| {});
    assert_eq!(verdict, Verdict::Well);
}

#[test]
fn the_end_of_a_transaction_is_nothing_to_wait_for() {
    // The marker at 9 was fetched, and is no record.
    Scene::new(9, 10).passes(|scene| scene.glance.stands[0].fetched = Some(10));
}

#[test]
fn what_the_budget_holds_back_is_no_fault_however_long_it_takes() {
    Scene::new(5, 1_000).passes(|scene| scene.glance.is_held = true);
}

#[test]
fn a_broker_that_does_not_answer_is_no_fault_of_the_consumer() {
    Scene::new(5, 9).passes(|scene| {
        scene.reach = None;
        scene.is_member = None;
    });
}

#[test]
fn the_time_starts_anew_when_the_broker_is_back() {
    let mut scene = Scene::new(5, 9);
    scene.watch(10, |_| {});
    scene.watch(60, |scene| scene.reach = None);
    let back = scene.at;
    scene.reach = Scene::new(5, 9).reach;
    let (verdict, at) = scene.watch(600, |_| {});
    assert_eq!((verdict, at - back), (Verdict::Trouble(Trouble::Starved(slot(0))), SECOND * 15));
}

#[test]
fn a_backlog_that_is_worked_off_slowly_is_well() {
    Scene::new(0, 1_000_000).passes(|scene| {
        if scene.at.as_secs().is_multiple_of(10) {
            scene.glance.stands[0].came = scene.glance.stands[0].came.map(|came| came + 1);
        }
    });
}

#[test]
fn a_thread_that_stands_still_is_noticed() {
    Scene::new(9, 9).noticed(Trouble::Frozen, |scene| scene.glance.turns = 7);
}

#[test]
fn a_hand_back_may_take_its_grace() {
    let limits = Limits::new(SECOND * 60);
    assert_eq!(limits.poll, SECOND * 65);
    assert_eq!(Limits::new(SECOND * 15).poll, SECOND * 20);
}

#[test]
fn a_runtime_that_stands_still_is_noticed_and_no_rejoin_heals_it() {
    Scene::new(9, 9).noticed(Trouble::Blocked, |scene| scene.turns = 7);
    assert!(!Trouble::Blocked.is_healed_by_rejoining());
}

#[test]
fn a_member_that_the_group_does_not_know_is_noticed() {
    Scene::new(9, 9).noticed(Trouble::Forgotten, |scene| scene.is_member = Some(scene.at.is_zero()));
    // A broker that never names its members has nothing to say about them.
    let (verdict, _) = Scene::new(9, 9).watch(3_600, |scene| scene.is_member = Some(false));
    assert_eq!(verdict, Verdict::Well);
    // Who holds nothing has perhaps not joined yet.
    Scene::new(9, 9).passes(|scene| {
        scene.is_member = Some(false);
        scene.glance.stands.clear();
    });
    // A rebalance now and then says nothing.
    Scene::new(9, 9).passes(|scene| {
        scene.is_member = if scene.at.as_secs().is_multiple_of(10) { Some(false) } else { None };
    });
}

#[test]
fn each_replacement_that_did_not_help_doubles_the_patience_up_to_sixteen_times() {
    let first = Limits::new(SECOND * 15);
    assert_eq!(first.after(0), first);
    assert_eq!(first.after(1).fetch, SECOND * 30);
    assert_eq!((first.after(4), first.after(4).fetch), (first.after(40), SECOND * 240));
    assert_eq!(first.after(4).turn, first.turn, "which no replacement helps");
}
