//! Each clause of what a state is, and the laws by which it does not depend on how the events came.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{Cycle, Metric, Person, Previous, sample};

/// Event number `n` of the same subject: of a delivery of its own, and a minute newer than the one before.
fn event(n: i64, change: impl FnOnce(&mut OkrEvent)) -> OkrEvent {
    let mut event = sample::bare();
    event.event_id = id(n);
    event.received_at = minute(n);
    event.occurred_at = event.received_at;
    event.source.delivery_id = Some(format!("delivery {n}"));
    change(&mut event);
    event
}

fn id(n: i64) -> EventId {
    EventId(uuid::Uuid::from_u64_pair(7, n.unsigned_abs()))
}

fn minute(n: i64) -> Timestamp {
    sample::bare().received_at.checked_add(SignedDuration::from_mins(n)).unwrap()
}

/// The state of these events, which is the same when they are given backwards.
#[track_caller]
fn state(events: &[OkrEvent]) -> OkrEvent {
    let state = fold(events).unwrap();
    let backwards: Vec<OkrEvent> = events.iter().rev().cloned().collect();
    assert_eq!(fold(&backwards).as_ref(), Some(&state));
    state.as_event().clone()
}

/// That a field is kept while newer events do not say it, and replaced by one that does.
#[track_caller]
fn check_kept(read: impl Fn(&OkrEvent) -> Option<String>, old: fn(&mut OkrEvent), new: fn(&mut OkrEvent)) {
    let silent = event(2, |_| {});
    let said = |change: fn(&mut OkrEvent)| read(&event(0, change));
    assert_eq!(read(&silent), None);
    assert_eq!(read(&state(&[event(1, old), silent.clone(), event(3, |_| {})])), said(old));
    assert_eq!(read(&state(&[event(1, old), silent, event(3, new)])), said(new));
}

#[test]
fn there_is_no_state_without_an_event() {
    assert_eq!(fold(&[]), None);
}

#[test]
fn the_state_of_one_event_is_that_event() {
    assert_eq!(state(&[sample::full()]), sample::full());
}

#[test]
fn what_describes_a_subject_is_of_the_newest_event_that_says_it() {
    check_kept(
        |e| e.subject.parent_id.clone(),
        |e| e.subject.parent_id = Some("o-1".into()),
        |e| e.subject.parent_id = Some("o-2".into()),
    );
    check_kept(
        |e| e.subject.title.clone(),
        |e| e.subject.title = Some("Win".into()),
        |e| e.subject.title = Some("Win ten".into()),
    );
    check_kept(
        |e| e.subject.url.clone(),
        |e| e.subject.url = Some("https://a".into()),
        |e| e.subject.url = Some("https://b".into()),
    );
    check_kept(
        |e| e.department.clone(),
        |e| e.department = Some("sales".into()),
        |e| e.department = Some("people".into()),
    );
    check_kept(|e| e.team.clone(), |e| e.team = Some("north".into()), |e| e.team = Some("south".into()));
}

#[test]
fn the_numbers_and_the_status_are_of_the_newest_event_that_says_them() {
    let text = |number: Option<f64>| number.map(|number| number.to_string());
    check_kept(|e| text(e.progress), |e| e.progress = Some(0.4), |e| e.progress = Some(0.0));
    check_kept(|e| text(e.confidence), |e| e.confidence = Some(0.9), |e| e.confidence = Some(0.0));
    let status = |e: &OkrEvent| (e.status != Status::Unknown).then(|| e.status.as_str().to_owned());
    check_kept(status, |e| e.status = Status::AtRisk, |e| e.status = Status::Done);
}

#[test]
fn an_unknown_status_says_nothing() {
    let events = [event(1, |e| e.status = Status::Behind), event(2, |e| e.status = Status::Unknown)];
    assert_eq!(state(&events).status, Status::Behind);
}

#[test]
fn people_cycle_and_metric_are_taken_as_a_whole() {
    let named = |name: &str| Some(Person { name: Some(name.into()), ..Person::default() });
    let full = sample::full();
    let newer = event(2, |e| {
        e.owner = named("Grace Hopper");
        e.manager = named("Howard Aiken");
        e.cycle = Some(Cycle { name: Some("2026 Q2".into()), ..Cycle::default() });
        e.metric = Some(Metric { current: Some(5.0), ..Metric::default() });
    });
    let older = event(1, |e| {
        (e.owner, e.manager, e.cycle, e.metric) =
            (full.owner.clone(), full.manager.clone(), full.cycle.clone(), full.metric.clone());
    });
    let both = state(&[older.clone(), newer.clone()]);
    assert_eq!((&both.owner, &both.manager), (&newer.owner, &newer.manager), "no e-mail of the one before");
    assert_eq!((&both.cycle, &both.metric), (&newer.cycle, &newer.metric), "no target of an earlier one");
    let kept = state(&[older.clone(), event(2, |_| {})]);
    assert_eq!((kept.owner, kept.manager), (older.owner, older.manager));
    assert_eq!((kept.cycle, kept.metric), (older.cycle, older.metric));
}

#[test]
fn a_record_whose_fields_are_all_null_says_nothing() {
    let full = sample::full();
    let hollow = |n| {
        event(n, |e| {
            (e.owner, e.manager) = (Some(Person::default()), Some(Person::default()));
            (e.cycle, e.metric) = (Some(Cycle::default()), Some(Metric::default()));
        })
    };
    let older = event(1, |e| {
        (e.owner, e.manager, e.cycle, e.metric) =
            (full.owner.clone(), full.manager.clone(), full.cycle.clone(), full.metric.clone());
    });
    let both = state(&[older.clone(), hollow(2)]);
    assert_eq!((both.owner, both.manager), (older.owner, older.manager));
    assert_eq!((both.cycle, both.metric), (older.cycle, older.metric));
    let alone = state(&[hollow(1), hollow(2)]);
    assert_eq!((alone.owner, alone.manager, alone.cycle, alone.metric), (None, None, None, None));
}

#[test]
fn change_times_actor_note_previous_and_attributes_are_the_newest_events_own() {
    let full = event(1, |e| {
        let id = (e.event_id, e.received_at, e.occurred_at, e.source.clone());
        *e = sample::full();
        (e.event_id, e.received_at, e.occurred_at, e.source) = id;
    });
    let silent = state(&[full.clone(), event(2, |e| e.change = Change::Updated)]);
    assert_eq!((silent.change, silent.event_id), (Change::Updated, id(2)));
    assert_eq!((silent.received_at, silent.occurred_at), (minute(2), minute(2)));
    assert_eq!((silent.actor, silent.note, silent.previous), (None, None, None));
    assert!(silent.attributes.is_empty());
    let said = event(2, |e| {
        (e.actor, e.note) = (Some("Grace".into()), Some("three".into()));
        e.previous = Some(Previous { progress: Some(0.1), ..Previous::default() });
        e.attributes.insert("points".into(), "8".into());
    });
    let newest = state(&[full, said.clone()]);
    assert_eq!((newest.actor, newest.note), (said.actor, said.note));
    assert_eq!((newest.previous, newest.attributes), (said.previous, said.attributes));
}

#[test]
fn a_comment_never_wipes_a_number() {
    let check_in = event(1, |e| {
        (e.progress, e.confidence, e.status) = (Some(0.42), Some(0.7), Status::AtRisk);
        e.metric = sample::full().metric;
    });
    let comment = event(2, |e| {
        e.change = Change::Commented;
        e.note = Some("looking good".into());
    });
    let both = state(&[check_in.clone(), comment]);
    assert_eq!((both.progress, both.confidence, both.status), (Some(0.42), Some(0.7), Status::AtRisk));
    assert_eq!((both.metric, both.note.as_deref()), (check_in.metric, Some("looking good")));
}

#[test]
fn a_deleted_subject_stays_with_what_is_known_of_it_and_may_come_back() {
    let created = event(1, |e| (e.subject.title, e.progress) = (Some("Win".into()), Some(0.3)));
    let deleted = event(2, |e| e.change = Change::Deleted);
    let reopened = event(3, |e| e.change = Change::Updated);
    let gone = fold(&[created.clone(), deleted.clone()]).unwrap();
    assert!(gone.is_deleted());
    assert_eq!(
        (gone.as_event().subject.title.as_deref(), gone.as_event().progress),
        (Some("Win"), Some(0.3))
    );
    assert!(!fold(&[deleted.clone(), reopened, created.clone()]).unwrap().is_deleted());
    let late = event(0, |e| e.change = Change::CheckedIn);
    assert!(fold(&[created, deleted, late]).unwrap().is_deleted(), "what came late is no news");
}

#[test]
fn only_the_highest_revision_of_an_event_counts() {
    let wrong = event(1, |e| (e.progress, e.team) = (Some(40.0), Some("of the wrong one".into())));
    let right = event(1, |e| (e.revision, e.progress) = (9, Some(0.4)));
    let both = state(&[wrong.clone(), right, event(2, |_| {})]);
    assert_eq!((both.progress, both.team), (Some(0.4), None), "nothing is left of the lower one");
    let alone = event(1, |e| (e.revision, e.source.delivery_id) = (9, None));
    let wrong = event(1, |e| (e.team, e.source.delivery_id) = (Some("x".into()), None));
    assert_eq!(state(&[wrong, alone]).team, None, "without a delivery's identity too");
}

#[test]
fn a_correction_of_a_delivery_replaces_all_that_the_delivery_said() {
    let of_one = |n, revision, progress| {
        event(n, |e| {
            (e.revision, e.progress) = (revision, Some(progress));
            e.source.delivery_id = Some("one".into());
        })
    };
    let corrected = state(&[of_one(1, 0, 0.1), of_one(2, 0, 0.2), of_one(1, 9, 0.7)]);
    assert_eq!(
        (corrected.progress, corrected.event_id),
        (Some(0.7), id(1)),
        "the second one is not said any more"
    );
    let elsewhere = event(2, |e| (e.revision, e.progress) = (0, Some(0.2)));
    assert_eq!(state(&[of_one(1, 0, 0.1), elsewhere, of_one(1, 9, 0.7)]).progress, Some(0.2));
}

#[test]
fn a_lower_revision_that_comes_late_changes_nothing() {
    let right = event(1, |e| (e.revision, e.progress) = (9, Some(0.4)));
    let events = [right.clone(), event(2, |_| {})];
    let lower = event(1, |e| (e.revision, e.progress, e.team) = (3, Some(0.9), Some("x".into())));
    let with = [events.as_slice(), &[lower]].concat();
    assert_eq!(state(&with), state(&events));
}

#[test]
fn of_an_event_that_was_received_twice_the_first_copy_counts() {
    let again = event(1, |e| {
        e.received_at = minute(9);
        e.occurred_at = minute(1);
    });
    let once = [event(1, |_| {}), event(2, |_| {})];
    assert_eq!(state(&[once.as_slice(), &[again]].concat()), state(&once));
}

#[test]
fn only_the_newest_event_is_applied_and_a_refused_one_changes_nothing() {
    let mut state = fold(&[event(5, |e| e.progress = Some(0.5))]).unwrap();
    let before = state.clone();
    let mut check = |event: OkrEvent, why| assert_eq!(state.apply(&event), Err(why));
    check(event(4, |_| {}), NotApplied::Late);
    check(event(5, |_| {}), NotApplied::Known);
    check(event(5, |e| e.received_at = minute(6)), NotApplied::Known);
    check(event(6, |e| e.revision = 1), NotApplied::Correction);
    check(event(6, |e| e.subject.id = "kr-8".into()), NotApplied::OtherSubject);
    check(event(6, |e| e.subject.namespace = "other".into()), NotApplied::OtherSubject);
    check(event(6, |e| e.subject.kind = crate::SubjectType::Objective), NotApplied::OtherSubject);
    assert_eq!(state, before);
    assert_eq!(state.apply(&event(6, |_| {})), Ok(()));
    assert_eq!((state.as_event().event_id, state.as_event().progress), (id(6), Some(0.5)));
}

fn maybe<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(proptest::sample::select(values))
}

/// Events that say little, so that the state is put together from many, in ranks that collide.
fn any_event() -> impl Strategy<Value = OkrEvent> {
    let order = (0i64..6, 0i64..4, 0i64..3, proptest::option::of(0i64..2), 0i64..5);
    let said = (maybe(vec![0.0, 0.5, 1.0]), maybe(vec!["north", "south"]), 0usize..3, 0usize..8);
    let person = |name: Option<&str>, email: Option<&str>| Person {
        id: None,
        name: name.map(Into::into),
        email: email.map(Into::into),
    };
    let people = vec![person(None, None), person(Some("Ada"), None), person(None, Some("a@b"))];
    let numbers = [None, Some(1.0), Some(2.0)];
    let metrics: Vec<Metric> =
        numbers.map(|current| Metric { current, ..Metric::default() }).into_iter().collect();
    (order, said, maybe(people), maybe(metrics)).prop_map(|(order, said, owner, metric)| {
        let ((n, received, occurred, sequence, delivery), (progress, team, status, change)) = (order, said);
        event(n, |e| {
            e.received_at = minute(received);
            e.occurred_at = minute(occurred);
            e.source.sequence = sequence;
            e.source.delivery_id = (delivery > 0).then(|| format!("delivery {delivery}"));
            (e.progress, e.owner, e.metric) = (progress, owner, metric);
            e.team = team.map(Into::into);
            (e.status, e.change) = (Status::ALL[status], Change::ALL[change]);
        })
    })
}

/// Some of them are corrections; what has the same id and revision is the same but for when it was received.
fn any_events() -> impl Strategy<Value = Vec<OkrEvent>> {
    proptest::collection::vec((any_event(), 0i64..3), 1..12).prop_map(|events| {
        let mut known: HashMap<(EventId, i64), OkrEvent> = HashMap::new();
        let same = |(event, revision): (OkrEvent, i64)| {
            let event = OkrEvent { revision, ..event };
            let first = known.entry((event.event_id, revision)).or_insert_with(|| event.clone());
            OkrEvent { received_at: event.received_at, ..first.clone() }
        };
        events.into_iter().map(same).collect()
    })
}

/// Written down field by field from the words of the contract, and slowly.
fn by_the_book(events: &[OkrEvent]) -> OkrEvent {
    let counts = |event: &&OkrEvent| {
        events.iter().all(|other| {
            let same_delivery =
                other.source.delivery_id.is_some() && other.source.delivery_id == event.source.delivery_id;
            let is_same = other.event_id == event.event_id || same_delivery;
            let is_first = other.event_id != event.event_id
                || other.revision != event.revision
                || !supersedes(other, event);
            !(is_same && other.revision > event.revision) && is_first
        })
    };
    let mut counted: Vec<&OkrEvent> = events.iter().filter(counts).collect();
    // Newest first.
    counted.sort_by(|one, other| {
        if supersedes(one, other) { std::cmp::Ordering::Greater } else { std::cmp::Ordering::Less }
    });
    let mut state = counted[0].clone();
    state.progress = counted.iter().find_map(|event| event.progress);
    state.team = counted.iter().find_map(|event| event.team.clone());
    let statuses = counted.iter().map(|event| event.status);
    state.status = statuses.into_iter().find(|status| *status != Status::Unknown).unwrap_or_default();
    let owners = counted.iter().filter_map(|event| event.owner.clone());
    state.owner = owners.into_iter().find(|it| it.id.is_some() || it.name.is_some() || it.email.is_some());
    let metrics = counted.iter().filter_map(|event| event.metric.clone());
    state.metric = metrics.into_iter().find(|it| it.current.is_some());
    state
}

proptest! {
    #[test]
    fn it_comes_out_the_same_in_whatever_order_the_events_arrive(events in any_events(), seed: u64) {
        let mut shuffled = events.clone();
        let mut random = seed;
        for at in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, usize::try_from(random >> 33).unwrap() % (at + 1));
        }
        prop_assert_eq!(fold(&events), fold(&shuffled));
    }

    #[test]
    fn it_is_what_the_contract_says(events in any_events()) {
        let state = fold(&events).unwrap();
        prop_assert_eq!(state.as_event(), &by_the_book(&events));
    }

    /// A keeper as it should be: what is known is ignored, the newest one is applied, all else is folded anew.
    #[test]
    fn a_keeper_that_applies_what_is_newest_has_what_a_full_fold_gives(events in any_events()) {
        let mut kept: Vec<OkrEvent> = Vec::new();
        let mut state: Option<State> = None;
        for event in events {
            let is_known = |known: &OkrEvent| known.event_id == event.event_id && known.revision >= event.revision;
            if kept.iter().any(is_known) {
                continue;
            }
            let is_replaced = kept.iter().any(|known| known.event_id == event.event_id);
            kept.push(event.clone());
            let applied = match &mut state {
                Some(state) if !is_replaced => state.apply(&event),
                _ => Err(NotApplied::Late),
            };
            let is_lower = applied.is_ok() && highest(&kept).len() < kept.len();
            if applied.is_err() || is_lower {
                state = fold(&kept);
            }
        }
        prop_assert_eq!(state, fold(&kept));
    }

    /// `late` comes last, and what is as new as `from` or newer is put onto what was kept.
    #[test]
    fn events_that_are_newer_than_what_is_not_among_them_may_be_put_onto_a_state(
        events in any_events(), late: proptest::sample::Index, from: proptest::sample::Index,
    ) {
        let mut events: Vec<OkrEvent> = events.into_iter().filter(|event| event.revision == 0).collect();
        events.sort_by_key(rank);
        let mut seen = std::collections::HashSet::new();
        events.retain(|event| seen.insert(event.event_id));
        prop_assume!(events.len() > 1);
        let late = late.index(events.len());
        let kept = events.iter().enumerate().filter(|(n, _)| *n != late).map(|(_, event)| event);
        let before = State::kept(fold(kept).unwrap().as_event().clone());
        let window = &events[from.index(late + 1)..];
        prop_assert_eq!(fold_onto(&before, window), fold(&events));
    }

    #[test]
    fn an_event_is_applied_only_when_it_is_the_newest(events in any_events(), last in any_event()) {
        let mut state = fold(&events).unwrap();
        let newest = state.as_event().clone();
        let last = OkrEvent { event_id: id(99), ..last };
        prop_assert_eq!(state.apply(&last).is_ok(), supersedes(&newest, &last));
        prop_assert_eq!(state.as_event() == &newest, !supersedes(&newest, &last));
    }
}
