//! Windows of registration, and what comes through them.

use std::time::Duration;

use futures::future::join_all;

use crate::tests::Subject;
use crate::{Learnt, Registered, Registrations, Sealed, Store};

const TEN: Duration = Duration::from_secs(600);

fn sealed(name: &str) -> Sealed {
    Sealed { id: format!("id of {name}"), bytes: [&[0, 0xff][..], name.as_bytes()].concat() }
}

async fn only(store: &Store) -> Registered {
    let mut all = store.registered().await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

pub(crate) async fn a_secret_is_learned_in_a_window_alone((store, clock): Subject) {
    assert_eq!(store.learn("goals", &sealed("a"), 9).await.unwrap(), Learnt::Closed);
    store.open_window("other", TEN).await.unwrap();
    assert_eq!(store.learn("goals", &sealed("a"), 9).await.unwrap(), Learnt::Closed, "another source's");
    store.open_window("goals", TEN).await.unwrap();
    assert_eq!(store.learn("goals", &sealed("a"), 9).await.unwrap(), Learnt::Kept);
    clock.advance(599);
    let since = clock.after(0);
    assert_eq!(store.learn("goals", &sealed("b"), 9).await.unwrap(), Learnt::Kept, "several webhooks");
    assert_eq!(store.learn("goals", &sealed("a"), 9).await.unwrap(), Learnt::Kept, "again");
    let kept = store.registered().await.unwrap();
    assert_eq!(kept[0].source, "goals");
    assert_eq!(
        (kept[0].open_for, kept[1].open_for),
        (Some(Duration::from_secs(1)), Some(Duration::from_secs(1)))
    );
    clock.advance(1);
    assert_eq!(store.learn("goals", &sealed("c"), 9).await.unwrap(), Learnt::Closed, "it is over");
    let kept = only(&store).await;
    assert_eq!(kept.open_for, None);
    let times: Vec<_> = kept.secrets.iter().map(|(sealed, at)| (sealed.clone(), *at == since)).collect();
    assert_eq!(
        times,
        [(sealed("a"), false), (sealed("b"), true)],
        "the oldest first, each with its own time"
    );
}

pub(crate) async fn a_window_that_is_opened_again_ends_anew((store, clock): Subject) {
    store.open_window("goals", TEN).await.unwrap();
    clock.advance(300);
    store.open_window("goals", Duration::from_secs(60)).await.unwrap();
    assert_eq!(only(&store).await.open_for, Some(Duration::from_secs(60)));
    clock.advance(60);
    assert_eq!(store.registered().await.unwrap(), [], "a window that is over and taught nothing is nothing");
}

pub(crate) async fn a_source_learns_no_more_than_it_may((store, _): Subject) {
    store.open_window("goals", TEN).await.unwrap();
    let offers: Vec<Sealed> = (0..12).map(|n| sealed(&n.to_string())).collect();
    let learnt = join_all(offers.iter().map(|offer| store.learn("goals", offer, 3))).await;
    let kept = learnt.iter().filter(|learnt| matches!(learnt, Ok(Learnt::Kept))).count();
    let full = learnt.iter().filter(|learnt| matches!(learnt, Ok(Learnt::Full))).count();
    assert_eq!((kept, full), (3, 9), "all at once");
    let known = only(&store).await.secrets.remove(0).0;
    assert_eq!(store.learn("goals", &known, 3).await.unwrap(), Learnt::Kept, "what is known needs no room");
}

pub(crate) async fn what_is_forgotten_is_gone_and_the_window_is_closed((store, _): Subject) {
    store.open_window("goals", TEN).await.unwrap();
    store.open_window("other", TEN).await.unwrap();
    for name in ["a", "b"] {
        store.learn("goals", &sealed(name), 9).await.unwrap();
    }
    store.learn("other", &sealed("a"), 9).await.unwrap();
    assert_eq!(store.forget("goals").await.unwrap(), 2);
    assert_eq!(store.forget("goals").await.unwrap(), 0);
    assert_eq!(store.learn("goals", &sealed("a"), 9).await.unwrap(), Learnt::Closed);
    let left = only(&store).await;
    assert_eq!((left.source.as_str(), left.secrets.len()), ("other", 1));
}

pub(crate) async fn a_secret_is_sealed_anew_in_its_place((store, clock): Subject) {
    store.open_window("goals", TEN).await.unwrap();
    store.learn("goals", &sealed("a"), 9).await.unwrap();
    let at = only(&store).await.secrets[0].1;
    clock.advance(60);
    // Two members find it at once.
    let anew = sealed("b");
    let again = [0, 1].map(|_| store.reseal("goals", "id of a", &anew));
    for done in join_all(again).await {
        done.unwrap();
    }
    assert_eq!(only(&store).await.secrets, [(sealed("b"), at)]);
    store.reseal("goals", "gone", &sealed("c")).await.unwrap();
    assert_eq!(only(&store).await.secrets.len(), 1);
}
