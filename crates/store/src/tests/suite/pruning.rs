//! Forgetting.

use outbox::{Outcome, Queue};
use worker::Claims;

use crate::tests::{Subject, event, numbers, parcel, settle, take, unfinished};

pub(crate) async fn only_what_was_finished_long_ago_is_forgotten((store, clock): Subject) {
    store.plan(vec![parcel(1, "s", "a"), parcel(2, "t", "a"), parcel(3, "u", "a")]).await.unwrap();
    store.claim("alerts", event(1), "state", "").await.unwrap();
    let rows = take(&store, &clock, "one", "a", 2).await;
    settle(&store, &rows[0], "one", Outcome::Done).await;
    clock.advance(100);
    settle(&store, &rows[1], "one", Outcome::Done).await;

    assert_eq!(store.prune(clock.after(-50)).await.unwrap(), 2, "the claim and the row that was done first");
    assert_eq!(store.prune(clock.after(-50)).await.unwrap(), 0);
    let repeat =
        store.plan(vec![parcel(1, "s", "a"), parcel(2, "t", "a"), parcel(3, "u", "a")]).await.unwrap();
    assert_eq!((repeat.new, repeat.known), (1, 2), "what is forgotten is new");
    assert!(store.claim("alerts", event(1), "state", "").await.unwrap());

    assert_eq!(store.prune(clock.after(1_000)).await.unwrap(), 2);
    assert_eq!(unfinished(&store).await, 2, "what waits is kept, however old");
    clock.advance(1_000);
    assert_eq!(numbers(&take(&store, &clock, "one", "a", 9).await), [3, 1]);
}

pub(crate) async fn much_is_forgotten_in_slices((store, clock): Subject) {
    let claims = (0..2_500).map(|n| store.claim("alerts", event(n), "state", ""));
    futures::future::join_all(claims).await;
    assert_eq!(store.prune(clock.after(1)).await.unwrap(), 2_500);
}
