//! What is missing, and what a person has given up.

use bus::Slot;
use uuid::Uuid;
use worker::{Batch, Brakes, Fingerprint, Gap, Last, Mark, Progress, ProgressError};

use crate::Store;
use crate::tests::Subject;

fn gap(partition: i32, from: i64) -> Gap {
    let why = "the records from 5 on are gone".to_owned();
    Gap { slot: Slot::new("okr.events", partition), from, found: from + 4, why }
}

pub(crate) async fn gaps_are_kept_until_a_person_accepts_them((store, _): Subject) {
    store.note_gaps("warehouse", &[gap(1, 5), gap(0, 7)]).await.unwrap();
    store.note_gaps("warehouse", &[gap(1, 6)]).await.unwrap();
    store.note_gaps("alerts", &[gap(1, 5)]).await.unwrap();
    assert_eq!(store.gaps("warehouse", false).await.unwrap(), [gap(0, 7), gap(1, 6)]);
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), []);

    assert_eq!(store.accept_gaps("warehouse").await.unwrap(), [gap(0, 7), gap(1, 6)]);
    assert_eq!(store.accept_gaps("warehouse").await.unwrap(), [], "once");
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), [gap(0, 7), gap(1, 6)]);
    assert_eq!(store.gaps("alerts", true).await.unwrap(), []);

    store.note_gaps("warehouse", &[gap(0, 7), gap(1, 60)]).await.unwrap();
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), [gap(0, 7)], "the same one stays accepted");
    assert_eq!(store.gaps("warehouse", false).await.unwrap(), [gap(1, 60)], "another one has to be");

    // By who keeps his progress elsewhere, after the slots have begun anew there.
    let slots = [0, 1, 2].map(|partition| Slot::new("okr.events", partition));
    store.spend_gaps("alerts", &slots).await.unwrap();
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), [gap(0, 7)], "of another service");
    store.spend_gaps("warehouse", &slots).await.unwrap();
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), []);
    assert_eq!(store.gaps("warehouse", false).await.unwrap(), [gap(1, 60)], "nobody has accepted that one");
}

pub(crate) async fn resuming_forgets_the_gaps_that_nobody_has_accepted((store, _): Subject) {
    store.note_gaps("warehouse", &[gap(0, 7)]).await.unwrap();
    store.accept_gaps("warehouse").await.unwrap();
    store.note_gaps("warehouse", &[gap(1, 9)]).await.unwrap();
    store.note_gaps("alerts", &[gap(1, 5)]).await.unwrap();
    store.resume("warehouse").await.unwrap();
    assert_eq!(store.gaps("warehouse", false).await.unwrap(), []);
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), [gap(0, 7)]);
    assert_eq!(store.gaps("alerts", false).await.unwrap(), [gap(1, 5)]);
}

/// Reads the slot from `from` to `next` in the epoch of a new assignment.
async fn read(store: &Store, partition: i32, from: i64, next: i64) {
    let slot = Slot::new("okr.events", partition);
    let epoch = store.assign("warehouse", std::slice::from_ref(&slot)).await.unwrap()[0].epoch;
    let last = Last { offset: next - 1, fingerprint: Fingerprint(Uuid::nil()) };
    let marks = vec![Mark { slot, epoch, from, next, last }];
    store.commit("warehouse", &Batch { marks, changes: Vec::new(), produce: Vec::new() }).await.unwrap();
}

async fn accept(store: &Store, gaps: &[Gap]) {
    store.note_gaps("warehouse", gaps).await.unwrap();
    assert_eq!(store.accept_gaps("warehouse").await.unwrap(), gaps);
}

pub(crate) async fn what_a_person_has_given_up_is_given_up_once((store, _): Subject) {
    read(&store, 0, 0, 7).await;
    read(&store, 1, 0, 9).await;
    accept(&store, &[gap(0, 7), gap(1, 9)]).await;
    let slot = Slot::new("okr.events", 0);
    let stands = store.assign("warehouse", std::slice::from_ref(&slot)).await.unwrap().remove(0);
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), [gap(0, 7), gap(1, 9)], "not yet carried out");
    let outdated = store.restart("warehouse", &slot, stands.epoch - 1, 7).await;
    assert!(matches!(outdated, Err(ProgressError::Outdated)), "{outdated:?}");
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), [gap(0, 7), gap(1, 9)], "nothing was done");

    store.restart("warehouse", &slot, stands.epoch, 7).await.unwrap();
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), [gap(1, 9)]);
    // It grows to the same offset, where something else is lost.
    read(&store, 0, 0, 7).await;
    store.note_gaps("warehouse", &[gap(0, 7)]).await.unwrap();
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), [gap(1, 9)], "nobody has accepted this one");
    assert_eq!(store.gaps("warehouse", false).await.unwrap(), [gap(0, 7)]);
}

pub(crate) async fn an_assignment_forgets_what_was_accepted_elsewhere((store, _): Subject) {
    for partition in 0..3 {
        read(&store, partition, 0, 5).await;
    }
    let other = Gap { slot: Slot::new("okr.other", 0), ..gap(0, 5) };
    accept(&store, &[gap(0, 5), gap(1, 4), gap(2, 4), gap(3, 0), other.clone()]).await;
    store.note_gaps("warehouse", &[gap(4, 3)]).await.unwrap();
    let slots = [0, 1, 3, 4].map(|partition| Slot::new("okr.events", partition));
    store.assign("alerts", &slots).await.unwrap();
    store.assign("warehouse", &slots).await.unwrap();
    // Another offset, or a slot that nobody has read; not one of another slot, or one that nobody has accepted.
    assert_eq!(store.gaps("warehouse", true).await.unwrap(), [gap(0, 5), gap(2, 4), other]);
    assert_eq!(store.gaps("warehouse", false).await.unwrap(), [gap(4, 3)]);
}
