//! What the window remembers, and for how long.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use super::{Limits, Seen, Window};
use crate::answer::Outcome;

const A: u128 = 1;
const B: u128 = 2;

fn limits() -> Limits {
    Limits { age_max: Duration::from_secs(60), entries_max: 3, bytes_max: 1 << 20 }
}

fn keep(window: &Arc<Window>, key: &'static str, now: Instant) {
    match window.ask(&Bytes::from_static(key.as_bytes()), (A, false), now) {
        Seen::Never(mine) => mine.known(A, Outcome::Accepted(Arc::new([])), now),
        seen => panic!("{seen:?}"),
    }
}

/// What the window says, in a word; asking leaves no trace.
fn ask(window: &Arc<Window>, key: &'static str, fingerprint: u128, now: Instant) -> &'static str {
    match window.ask(&Bytes::from_static(key.as_bytes()), (fingerprint, false), now) {
        Seen::Never(_) => "never",
        Seen::Before(_) => "before",
        Seen::Otherwise => "otherwise",
        Seen::OnTheWay(_) => "on the way",
    }
}

#[test]
fn only_what_is_known_is_remembered() {
    let (window, now) = (Window::new(limits()), Instant::now());
    assert_eq!(ask(&window, "a", A, now), "never");
    assert_eq!(ask(&window, "a", A, now), "never", "a delivery that came to nothing leaves no trace");
    keep(&window, "a", now);
    assert_eq!(ask(&window, "a", A, now), "before");
    assert_eq!(ask(&window, "a", B, now), "otherwise");
    assert_eq!(ask(&window, "b", A, now), "never");
}

#[test]
fn a_delivery_on_its_way_belongs_to_one() {
    let (window, now) = (Window::new(limits()), Instant::now());
    let key = Bytes::from_static(b"a");
    let Seen::Never(mine) = window.ask(&key, (A, false), now) else { panic!("not mine") };
    assert_eq!(ask(&window, "a", B, now), "on the way");
    drop(mine);
    assert_eq!(ask(&window, "a", A, now), "never");
}

#[test]
fn what_is_old_or_too_much_is_forgotten_oldest_first() {
    let (window, now) = (Window::new(limits()), Instant::now());
    for (nth, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
        keep(&window, key, now + Duration::from_secs(nth as u64));
    }
    let later = now + Duration::from_secs(5);
    assert_eq!(ask(&window, "a", A, later), "never");
    assert_eq!(ask(&window, "d", A, later), "before");
    assert_eq!(ask(&window, "b", A, now + Duration::from_secs(61)), "never");
    assert_eq!(ask(&window, "d", A, now + Duration::from_secs(61)), "before");
    assert_eq!(ask(&window, "d", A, now + Duration::from_secs(64)), "never");
    let state = window.state();
    assert_eq!((state.entries.len(), state.order.len(), state.bytes), (0, 0, 0));
}

#[test]
fn its_memory_is_bounded() {
    let now = Instant::now();
    let window = Window::new(Limits { entries_max: 1_000_000, bytes_max: 100_000, ..limits() });
    for nth in 0..10_000 {
        let key = Bytes::from(format!("source/{nth}"));
        if let Seen::Never(mine) = window.ask(&key, (A, false), now) {
            mine.known(A, Outcome::Held("test"), now);
        }
    }
    let state = window.state();
    assert!(state.bytes <= 100_000 && state.entries.len() > 100, "{} {}", state.bytes, state.entries.len());
    assert_eq!(state.entries.len(), state.order.len());
}

#[test]
fn what_was_held_may_come_again_mended() {
    let (window, now) = (Window::new(limits()), Instant::now());
    let key = Bytes::from_static(b"a");
    let Seen::Never(mine) = window.ask(&key, (A, false), now) else { panic!("not mine") };
    mine.known(A, Outcome::Held("test"), now);
    assert_eq!(ask(&window, "a", A, now), "before");
    let later = now + Duration::from_secs(10);
    let Seen::Never(mine) = window.ask(&key, (B, false), later) else { panic!("not mine") };
    mine.known(B, Outcome::Accepted(Arc::new([])), later);
    // The time of the first one is over, not that of the second.
    assert_eq!(ask(&window, "a", B, now + Duration::from_secs(61)), "before");
    assert_eq!(ask(&window, "a", A, now + Duration::from_secs(61)), "otherwise");
    assert_eq!(ask(&window, "a", B, later + Duration::from_secs(61)), "never");
    let state = window.state();
    assert_eq!((state.entries.len(), state.order.len(), state.bytes), (0, 0, 0));
}

#[test]
fn what_was_held_is_taken_once_it_is_understood() {
    let (window, now) = (Window::new(limits()), Instant::now());
    let hold = |key: &'static str, reason| {
        let Seen::Never(mine) = window.ask(key.as_bytes(), (A, false), now) else { panic!("not mine") };
        mine.known(A, Outcome::Held(reason), now);
    };
    hold("mapping", "test");
    assert!(matches!(window.ask(b"mapping", (A, false), now), Seen::Before(Outcome::Held("test"))));
    assert!(matches!(window.ask(b"mapping", (A, true), now), Seen::Never(_)), "the same words, understood");
    let reason = bus::SendError::TooLarge.reason();
    hold("size", reason);
    assert!(matches!(window.ask(b"size", (A, true), now), Seen::Before(_)), "it stays as large as it is");
}

/// There are as many as the window holds; docs/benchmarks.md says what they take.
#[test]
fn an_entry_is_small() {
    let sizes = (size_of::<(super::Name, super::Entry)>(), size_of::<(super::Age, super::Name)>());
    assert_eq!(sizes, (64, 24));
}
