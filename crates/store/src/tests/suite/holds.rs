//! Target leases between members.

use std::collections::BTreeSet;

use outbox::Queue;

use crate::Store;
use crate::tests::{SERVICE, Subject, TestClock};

async fn hold(store: &Store, clock: &TestClock, owner: &str, targets: &[&str]) -> BTreeSet<String> {
    let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
    let held = store.hold(SERVICE, owner, &targets, clock.after(15), clock.after(0)).await.unwrap();
    held.into_iter().collect()
}

fn set(targets: &[&str]) -> BTreeSet<String> {
    targets.iter().map(ToString::to_string).collect()
}

pub(crate) async fn a_target_has_one_owner_until_its_lease_ends((store, clock): Subject) {
    assert_eq!(hold(&store, &clock, "one", &["a"]).await, set(&["a"]));
    assert_eq!(hold(&store, &clock, "two", &["a"]).await, set(&[]));
    clock.advance(10);
    assert_eq!(hold(&store, &clock, "one", &["a"]).await, set(&["a"]), "renewed");
    clock.advance(14);
    assert_eq!(hold(&store, &clock, "two", &["a"]).await, set(&[]));
    clock.advance(1);
    assert_eq!(hold(&store, &clock, "two", &["a"]).await, set(&["a"]), "one is gone");
    assert_eq!(hold(&store, &clock, "one", &["a"]).await, set(&[]), "and came back too late");
}

pub(crate) async fn members_share_targets_fairly((store, clock): Subject) {
    let all = ["a", "b", "c", "d", "e"];
    assert_eq!(hold(&store, &clock, "one", &all).await.len(), 5);
    assert_eq!(hold(&store, &clock, "two", &all).await.len(), 0, "one has not given any up yet");
    let one = hold(&store, &clock, "one", &all).await;
    let two = hold(&store, &clock, "two", &all).await;
    assert_eq!((one.len().max(two.len()), one.len().min(two.len())), (3, 2));
    assert!(one.is_disjoint(&two));
    assert_eq!(hold(&store, &clock, "one", &all).await, one, "and then it stays");
    assert_eq!(hold(&store, &clock, "two", &all).await, two);
}

pub(crate) async fn a_member_that_leaves_frees_its_targets_at_once((store, clock): Subject) {
    let all = ["a", "b"];
    hold(&store, &clock, "one", &all).await;
    hold(&store, &clock, "two", &all).await;
    store.release(SERVICE, "one").await.unwrap();
    assert_eq!(hold(&store, &clock, "two", &all).await, set(&all));
}

pub(crate) async fn a_target_that_is_no_longer_asked_for_is_given_up((store, clock): Subject) {
    hold(&store, &clock, "one", &["a", "b"]).await;
    assert_eq!(hold(&store, &clock, "one", &["a"]).await, set(&["a"]));
    assert_eq!(hold(&store, &clock, "two", &["b"]).await, set(&["b"]));
}
