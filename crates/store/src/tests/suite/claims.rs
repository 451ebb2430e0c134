//! Effects of handlers that plan no rows.

use futures::future::join_all;
use worker::Claims;

use crate::tests::{SERVICE, Subject, event};

pub(crate) async fn an_effect_is_claimed_by_one_of_many((store, _): Subject) {
    let claims = (0..20).map(|_| store.claim("alerts", event(1), "state", ""));
    let won: Vec<bool> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert!(!store.claim("alerts", event(1), "state", "").await.unwrap());
}

pub(crate) async fn each_part_of_an_effect_makes_another((store, _): Subject) {
    assert!(store.claim(SERVICE, event(1), "a", "").await.unwrap());
    assert!(store.claim("warehouse", event(1), "a", "").await.unwrap());
    assert!(store.claim(SERVICE, event(2), "a", "").await.unwrap());
    assert!(store.claim(SERVICE, event(1), "b", "").await.unwrap());
    assert!(store.claim(SERVICE, event(1), "a", "replay-1").await.unwrap());
}
