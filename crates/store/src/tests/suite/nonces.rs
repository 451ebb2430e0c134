//! Values that a sender may use once.

use std::time::Duration;

use futures::future::join_all;

use crate::tests::Subject;
use crate::{Begun, Nonces, Used};

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

/// Longer than anything is on its way.
const TAKEN_MAX: Duration = Duration::from_secs(30);

pub(crate) async fn a_value_is_taken_for_one_body_until_its_outcome_is_known((store, clock): Subject) {
    let take =
        async |content: u8| store.take_nonce("acme", &[1; 32], &[content; 32], TAKEN_MAX).await.unwrap();
    assert_eq!(take(7).await, Begun::Taken);
    assert_eq!(take(8).await, Begun::Busy, "another body");
    assert_eq!(take(7).await, Begun::Taken, "the same body again");
    assert_eq!(store.used("acme", &[1; 32]).await.unwrap(), None, "taken is not used");
    assert!(!store.keep_nonce("acme", &[1; 32], &used(8)).await.unwrap(), "it is another one's");
    store.leave_nonce("acme", &[1; 32], &[8; 32]).await.unwrap();
    assert_eq!(take(8).await, Begun::Busy, "nobody leaves for others");
    store.leave_nonce("acme", &[1; 32], &[7; 32]).await.unwrap();
    assert_eq!(take(8).await, Begun::Taken, "nothing came of the other");
    assert!(store.keep_nonce("acme", &[1; 32], &used(8)).await.unwrap());
    assert_eq!(take(7).await, Begun::Used(used(8)));
    assert_eq!(take(8).await, Begun::Used(used(8)));
    store.leave_nonce("acme", &[1; 32], &[8; 32]).await.unwrap();
    assert_eq!(take(7).await, Begun::Used(used(8)), "what was kept stays");
    clock.advance(31);
    assert_eq!(take(7).await, Begun::Used(used(8)), "for longer than it may be taken, too");
    // Of many members at the same moment, one takes it.
    let others: Vec<[u8; 32]> = (0..20).map(|content| [content; 32]).collect();
    let takes = others.iter().map(|content| store.take_nonce("acme", &[2; 32], content, TAKEN_MAX));
    let taken = join_all(takes).await.into_iter().filter(|begun| *begun.as_ref().unwrap() == Begun::Taken);
    assert_eq!(taken.count(), 1);
}

pub(crate) async fn what_a_member_took_that_is_no_more_is_free_after_a_while((store, clock): Subject) {
    let take =
        async |content: u8| store.take_nonce("acme", &[1; 32], &[content; 32], TAKEN_MAX).await.unwrap();
    assert_eq!(take(7).await, Begun::Taken);
    clock.advance(29);
    assert_eq!(take(8).await, Begun::Busy);
    clock.advance(2);
    assert_eq!(take(8).await, Begun::Taken);
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
