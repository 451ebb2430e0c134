//! Halts and fuses.

use jiff::Timestamp;
use worker::{Brake, Brakes, Halted};

use crate::tests::Subject;

fn halted(why: &str, second: i64) -> Halted {
    Halted { why: why.into(), since: Timestamp::from_second(second).unwrap() }
}

pub(crate) async fn a_halt_stays_until_it_is_resumed((store, _): Subject) {
    assert_eq!(store.load("notifier").await.unwrap(), Brake::default());
    let first = Brake { halted: Some(halted("fuse: 21 in a row \0", 10)), fuse: vec![1] };
    store.save("notifier", &first).await.unwrap();
    let later = Brake { halted: Some(halted("another", 20)), fuse: vec![2] };
    store.save("notifier", &later).await.unwrap();
    store.save("notifier", &Brake { halted: None, fuse: vec![3] }).await.unwrap();
    let found = store.load("notifier").await.unwrap();
    let why = found.halted.expect("nobody resumed it");
    assert!(why.why.starts_with("fuse: 21 in a row") && why.since == halted("", 10).since, "{why:?}");
    assert_eq!(found.fuse, vec![3]);

    let ended = store.resume("notifier").await.unwrap();
    assert_eq!(ended.iter().map(|(service, _)| service.as_str()).collect::<Vec<_>>(), ["notifier"]);
    assert_eq!(store.load("notifier").await.unwrap(), Brake::default());
    assert_eq!(store.resume("notifier").await.unwrap(), vec![]);
}

pub(crate) async fn resuming_a_service_lets_its_further_consumers_go_on((store, _): Subject) {
    for service in ["notifier", "notifier.replay", "notifiers", "alerts"] {
        store.save(service, &Brake { halted: Some(halted(service, 1)), fuse: vec![] }).await.unwrap();
    }
    let ended = store.resume("notifier").await.unwrap();
    let expected = ["notifier", "notifier.replay"].map(|name| (name.to_owned(), halted(name, 1)));
    assert_eq!(ended, expected);
    assert!(store.load("notifiers").await.unwrap().halted.is_some());
    assert!(store.load("alerts").await.unwrap().halted.is_some());
}

pub(crate) async fn a_fuse_is_remembered_as_it_was_saved_last((store, _): Subject) {
    let memory: Vec<u8> = (0..=255).collect();
    store.save("alerts", &Brake { halted: None, fuse: vec![9; 4] }).await.unwrap();
    store.save("alerts", &Brake { halted: None, fuse: memory.clone() }).await.unwrap();
    assert_eq!(store.load("alerts").await.unwrap(), Brake { halted: None, fuse: memory });
    assert_eq!(store.resume("alerts").await.unwrap(), vec![], "it was not halted");
    assert_eq!(store.load("alerts").await.unwrap(), Brake::default(), "and counts anew");
}
