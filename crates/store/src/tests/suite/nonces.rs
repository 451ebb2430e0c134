//! Values that a sender may use once.

use std::time::Duration;

use futures::future::join_all;

use crate::tests::Subject;
use crate::{Nonces, Used};

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
