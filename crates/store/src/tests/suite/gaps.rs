//! What is missing, and what a person has given up.

use bus::Slot;
use worker::{Brakes, Gap};

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
