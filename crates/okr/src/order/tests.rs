//! Which event is the newer one, by example and by law.

use proptest::prelude::*;

use super::*;
use crate::sample;

fn event(change: impl FnOnce(&mut OkrEvent)) -> OkrEvent {
    let mut event = sample::full();
    change(&mut event);
    event
}

#[track_caller]
fn newer(old: &OkrEvent, new: &OkrEvent) {
    assert!(supersedes(old, new));
    assert!(!supersedes(new, old));
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

#[test]
fn what_occurred_later_wins_over_what_arrived_later() {
    let old = event(|e| e.received_at = later(e.received_at, 60));
    newer(&old, &event(|e| e.occurred_at = later(e.occurred_at, 1)));
}

#[test]
fn a_clock_that_runs_ahead_counts_for_five_minutes_at_most() {
    let wrong = event(|e| e.occurred_at = later(e.received_at, 86_400));
    let honest = event(|e| {
        e.received_at = later(e.received_at, 301);
        e.occurred_at = e.received_at;
    });
    newer(&wrong, &honest);
    let within = event(|e| e.occurred_at = later(e.received_at, 299));
    newer(&within, &event(|e| e.occurred_at = later(e.received_at, 300)));
}

#[test]
fn at_the_same_time_the_higher_sequence_wins_and_an_absent_one_is_below_all() {
    let absent = event(|e| e.source.sequence = None);
    let lowest = event(|e| e.source.sequence = Some(i64::MIN));
    newer(&absent, &lowest);
    newer(&lowest, &event(|e| e.source.sequence = Some(8)));
    // The sequence decides before the time of receipt does.
    newer(&event(|e| e.received_at = later(e.received_at, 9)), &event(|e| e.source.sequence = Some(8)));
}

#[test]
fn then_receipt_then_revision_then_the_id_decide() {
    newer(&event(|e| e.revision = 9), &event(|e| e.received_at = later(e.received_at, 1)));
    newer(&event(|e| e.event_id = EventId(uuid::Uuid::max())), &event(|e| e.revision = 1));
    newer(&event(|e| e.event_id = EventId(uuid::Uuid::nil())), &event(|_| {}));
}

#[test]
fn an_event_does_not_supersede_itself_whatever_it_says() {
    assert!(!supersedes(&sample::full(), &event(|e| e.progress = None)));
}

fn any_event() -> impl Strategy<Value = OkrEvent> {
    (0i64..3, 0i64..700, proptest::option::of(0i64..2), 0i64..2, 0u128..3).prop_map(
        |(received, occurred, sequence, revision, id)| {
            event(|e| {
                e.received_at = later(e.received_at, received);
                e.occurred_at = later(e.received_at, occurred);
                e.source.sequence = sequence;
                e.revision = revision;
                e.event_id = EventId(uuid::Uuid::from_u128(id));
            })
        },
    )
}

proptest! {
    #[test]
    fn of_two_different_events_exactly_one_supersedes_the_other(one in any_event(), other in any_event()) {
        let same = rank(&one) == rank(&other);
        prop_assert_eq!(supersedes(&one, &other) ^ supersedes(&other, &one), !same);
    }

    #[test]
    fn the_last_state_does_not_depend_on_the_order_of_arrival(
        events in proptest::collection::vec(any_event(), 1..8), seed: usize,
    ) {
        let last = |events: &[OkrEvent]| events.iter().fold(None, |state: Option<OkrEvent>, event| match state {
            Some(state) if !supersedes(&state, event) => Some(state),
            _ => Some(event.clone()),
        });
        let mut shuffled = events.clone();
        shuffled.rotate_left(seed % events.len());
        shuffled.reverse();
        prop_assert_eq!(last(&events).as_ref().map(rank), last(&shuffled).as_ref().map(rank));
    }
}
