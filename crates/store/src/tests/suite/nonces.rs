//! Values that a sender may use once.

use std::time::Duration;

use futures::future::join_all;

use crate::tests::Subject;
use crate::{Begun, Nonces, Taken, Used};

fn used(content: u8) -> Used {
    Used { content: [content; 32], answer: vec![b'{', content, 0, 0xff] }
}

pub(crate) async fn a_used_value_is_known_with_what_it_was_used_for((store, _): Subject) {
    assert_eq!(store.used("acme", &[1; 32]).await.unwrap(), None);
    assert!(store.keep_nonce("acme", &[1; 32], &used(7)).await.unwrap());
    assert_eq!(store.used("acme", &[1; 32]).await.unwrap(), Some(used(7)));
    assert_eq!(store.used("acme", &[2; 32]).await.unwrap(), None);
    assert_eq!(store.used("other", &[1; 32]).await.unwrap(), None, "each source has its own");
}

pub(crate) async fn a_value_is_used_once((store, _): Subject) {
    assert!(store.keep_nonce("acme", &[1; 32], &used(7)).await.unwrap());
    assert!(store.keep_nonce("acme", &[1; 32], &used(7)).await.unwrap(), "a repeat");
    assert!(!store.keep_nonce("acme", &[1; 32], &used(8)).await.unwrap(), "another body");
    assert_eq!(store.used("acme", &[1; 32]).await.unwrap(), Some(used(7)), "the first stays");
    let contents: Vec<Used> = (0..20).map(used).collect();
    let kept = join_all(contents.iter().map(|used| store.keep_nonce("acme", &[2; 32], used))).await;
    assert_eq!(kept.into_iter().filter(|kept| *kept.as_ref().unwrap()).count(), 1, "of many at once, one");
}

/// What was taken with nobody before.
#[track_caller]
fn taken(begun: Begun) -> Taken {
    let Begun::Taken(taken) = begun else { panic!("{begun:?}") };
    taken
}

/// Longer than anything is on its way.
const TAKEN_MAX: Duration = Duration::from_secs(30);

pub(crate) async fn a_value_is_taken_for_one_body_until_its_outcome_is_known((store, clock): Subject) {
    let take =
        async |content: u8| store.take_nonce("acme", &[1; 32], &[content; 32], TAKEN_MAX).await.unwrap();
    let first = taken(take(7).await);
    assert_eq!(take(8).await, Begun::Busy, "another body");
    assert_eq!(store.used("acme", &[1; 32]).await.unwrap(), None, "taken is not used");
    assert!(!store.keep_nonce("acme", &[1; 32], &used(8)).await.unwrap(), "it is another one's");
    store.leave_nonce("acme", &[1; 32], &Taken { content: [8; 32], ..first }).await.unwrap();
    assert_eq!(take(8).await, Begun::Busy, "nobody leaves for others");
    store.leave_nonce("acme", &[1; 32], &first).await.unwrap();
    let second = taken(take(8).await);
    assert!(store.keep_nonce("acme", &[1; 32], &used(8)).await.unwrap());
    assert_eq!(take(7).await, Begun::Used(used(8)));
    assert_eq!(take(8).await, Begun::Used(used(8)));
    store.leave_nonce("acme", &[1; 32], &second).await.unwrap();
    assert_eq!(take(7).await, Begun::Used(used(8)), "what was kept stays");
    clock.advance(31);
    assert_eq!(take(7).await, Begun::Used(used(8)), "for longer than it may be taken, too");
    // Of many members at the same moment, one takes it.
    let others: Vec<[u8; 32]> = (0..20).map(|content| [content; 32]).collect();
    let takes = others.iter().map(|content| store.take_nonce("acme", &[2; 32], content, TAKEN_MAX));
    let begun = join_all(takes).await.into_iter();
    assert_eq!(begun.filter(|begun| matches!(begun, Ok(Begun::Taken(_)))).count(), 1);
    // Of one body many times at the same moment, one knows that nobody was before it.
    let takes = (0..20).map(|_| store.take_nonce("acme", &[3; 32], &[7; 32], TAKEN_MAX));
    let begun: Vec<Begun> = join_all(takes).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(begun.iter().filter(|begun| matches!(begun, Begun::Taken(_))).count(), 1);
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::Shared).count(), 19);
}

pub(crate) async fn what_is_taken_twice_for_one_body_is_left_by_nobody((store, clock): Subject) {
    let take =
        async |content: u8| store.take_nonce("acme", &[1; 32], &[content; 32], TAKEN_MAX).await.unwrap();
    // At the same moment, for the clock stands still.
    let first = taken(take(7).await);
    assert_eq!(take(7).await, Begun::Shared);
    store.leave_nonce("acme", &[1; 32], &first).await.unwrap();
    assert_eq!(take(8).await, Begun::Busy, "the other is still at it");
    // It is taken for as long as the last may be on its way.
    clock.advance(29);
    assert_eq!(take(7).await, Begun::Shared);
    clock.advance(29);
    assert_eq!(take(8).await, Begun::Busy);
    clock.advance(2);
    let anew = taken(take(7).await);
    store.leave_nonce("acme", &[1; 32], &first).await.unwrap();
    assert_eq!(take(8).await, Begun::Busy, "whoever took it before does not leave it now");
    store.leave_nonce("acme", &[1; 32], &anew).await.unwrap();
    taken(take(8).await);
}

pub(crate) async fn what_a_member_took_that_is_no_more_is_free_after_a_while((store, clock): Subject) {
    let take =
        async |content: u8| store.take_nonce("acme", &[1; 32], &[content; 32], TAKEN_MAX).await.unwrap();
    let lost = taken(take(7).await);
    clock.advance(29);
    assert_eq!(take(8).await, Begun::Busy);
    clock.advance(2);
    taken(take(8).await);
    store.leave_nonce("acme", &[1; 32], &lost).await.unwrap();
    assert_eq!(take(7).await, Begun::Busy);
    assert!(!store.keep_nonce("acme", &[1; 32], &used(7)).await.unwrap(), "it came too late");
    assert!(store.keep_nonce("acme", &[1; 32], &used(8)).await.unwrap());
}

pub(crate) async fn the_sources_with_values_are_told((store, _): Subject) {
    assert_eq!(store.nonce_sources().await.unwrap(), Vec::<String>::new());
    for (source, nonce) in [("b", 1), ("a", 1), ("b", 2), ("c", 1), ("a", 2)] {
        store.keep_nonce(source, &[nonce; 32], &used(1)).await.unwrap();
    }
    assert_eq!(store.nonce_sources().await.unwrap(), ["a", "b", "c"]);
}

pub(crate) async fn a_value_is_forgotten_when_it_is_old((store, clock): Subject) {
    let age = Duration::from_secs(600);
    for n in 0..5 {
        store.keep_nonce("acme", &[n; 32], &used(n)).await.unwrap();
        store.keep_nonce("other", &[n; 32], &used(n)).await.unwrap();
        clock.advance(100);
    }
    clock.advance(101);
    assert_eq!(store.prune_nonces("acme", age).await.unwrap(), 1, "the first is 601 seconds old");
    assert_eq!(store.prune_nonces("acme", age).await.unwrap(), 0);
    assert_eq!(store.used("acme", &[0; 32]).await.unwrap(), None);
    assert_eq!(store.used("acme", &[1; 32]).await.unwrap(), Some(used(1)));
    assert_eq!(store.used("other", &[0; 32]).await.unwrap(), Some(used(0)));
    clock.advance(10_000);
    assert_eq!(store.prune_nonces("acme", age).await.unwrap(), 4);
}
