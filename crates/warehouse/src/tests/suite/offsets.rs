//! Epochs, offsets, and that everything of a batch happens or nothing.

use serde_json::json;
use worker::ProgressError;

use crate::SERVICE;
use crate::tests::bench::{Bench, Member, slot};
use crate::tests::history::at;

pub async fn an_assignment_raises_the_epoch_and_says_where_it_stands(bench: Bench) {
    let target = &bench.target;
    let [first, second] = [3, 4].map(slot);
    let found = target.assign(SERVICE, &[first.clone(), second.clone()]).await.unwrap();
    assert!(found.iter().all(|it| (it.epoch, it.next, it.last) == (1, 0, None)), "{found:?}");
    assert_eq!(found.len(), 2);
    let mut member = Member::join(target, [3]).await;
    assert_eq!(member.epoch(3), 2);
    member.take(&[(3, at("kr", 1, 0, 0.5)), (3, at("kr", 2, 0, 0.5))]).await;
    let found = target.standings(SERVICE, &[first.clone(), slot(9)]).await.unwrap();
    let [standing] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((standing.epoch, standing.next, standing.last.unwrap().offset), (2, 2, 1));
    let again = target.assign(SERVICE, std::slice::from_ref(&first)).await.unwrap();
    assert_eq!((again[0].epoch, again[0].next, again[0].last), (3, 2, standing.last));
    let all = target.offsets().await.unwrap();
    assert_eq!(all.iter().map(|it| (it.slot.partition, it.next)).collect::<Vec<_>>(), [(3, 2), (4, 0)]);
}

pub async fn a_batch_is_all_or_nothing(bench: Bench) {
    let mut member = Member::join(&bench.target, [0, 1]).await;
    member.take(&[(0, at("kr", 1, 0, 0.1)), (1, at("other", 1, 0, 0.1))]).await;
    let mut batch = member.batch(&[(0, at("kr", 2, 5, 0.2)), (1, at("other", 2, 5, 0.2))]);
    // Of one slot it is right, of the other one it is not.
    batch.marks[1].from += 1;
    assert_eq!(member.try_commit(&batch).await, Err(ProgressError::Outdated));
    assert_eq!(bench.table("okr_events").await.len(), 2);
    let states = bench.rows("SELECT progress FROM okr_state").await;
    assert!(states.iter().all(|state| state["progress"] == json!(0.1)), "{states:?}");
    let stands = bench.target.offsets().await.unwrap();
    assert!(stands.iter().all(|it| it.next == 1), "{stands:?}");
}

pub async fn a_zombie_commits_nothing(bench: Bench) {
    let mut zombie = Member::join(&bench.target, [0]).await;
    zombie.take_all([at("kr", 1, 0, 0.1)]).await;
    let late = zombie.batch(&[(0, at("kr", 2, 1, 0.9))]);
    let mut heir = Member::join(&bench.target, [0]).await;
    assert_eq!(zombie.try_commit(&late).await, Err(ProgressError::Outdated));
    heir.take_all([at("kr", 3, 2, 0.3)]).await;
    assert_eq!(zombie.try_commit(&late).await, Err(ProgressError::Outdated));
    let events = bench.rows("SELECT kafka_offset FROM okr_events ORDER BY kafka_offset").await;
    assert_eq!(
        events.iter().map(|row| row["kafka_offset"].clone()).collect::<Vec<_>>(),
        [json!(0), json!(1)]
    );
    let state = bench.rows("SELECT progress FROM okr_state").await;
    assert_eq!(state[0]["progress"], json!(0.3));
}

pub async fn a_slot_that_is_given_up_begins_anew_and_its_rows_stay(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    member.take_all([at("kr", 1, 0, 0.1)]).await;
    let zero = slot(0);
    assert_eq!(
        bench.target.restart(SERVICE, &zero, 2, 1).await,
        Err(ProgressError::Outdated),
        "another epoch"
    );
    assert_eq!(
        bench.target.restart(SERVICE, &zero, 1, 0).await,
        Err(ProgressError::Outdated),
        "another place"
    );
    bench.target.restart(SERVICE, &zero, 1, 1).await.unwrap();
    let stands = bench.target.offsets().await.unwrap();
    assert_eq!((stands[0].epoch, stands[0].next, stands[0].last), (1, 0, None));
    assert_eq!(bench.table("okr_events").await.len(), 1);
}

pub async fn a_batch_of_dead_letters_alone_moves_the_offsets(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let mut batch = member.batch(&[(0, at("kr", 1, 0, 0.1))]);
    batch.changes.clear();
    member.try_commit(&batch).await.unwrap();
    assert_eq!(bench.target.offsets().await.unwrap()[0].next, 1);
    assert!(bench.table("okr_events").await.is_empty());
}

/// What the values of a row do is told apart from the home's own trouble, and nothing of its batch happens.
pub async fn a_row_at_fault_is_refused_and_the_others_are_not(bench: Bench) {
    let postgres = "ALTER TABLE okr_events ADD CONSTRAINT sober CHECK (note <> 'poison')";
    let file = "CREATE TRIGGER sober BEFORE INSERT ON okr_events WHEN new.note = 'poison'
        BEGIN SELECT raise(ABORT, 'poison'); END";
    bench.run(postgres, file).await;
    let mut member = Member::join(&bench.target, [0]).await;
    let mut poison = at("kr", 2, 1, 0.2);
    poison.note = Some("poison".into());
    let batch = member.batch(&[(0, at("kr", 1, 0, 0.1)), (0, poison), (0, at("kr", 3, 2, 0.3))]);
    let refused = member.try_commit(&batch).await;
    assert!(matches!(refused, Err(ProgressError::Refused(_))), "{refused:?}");
    assert!(bench.table("okr_events").await.is_empty() && bench.table("okr_state").await.is_empty());
    assert_eq!(bench.target.offsets().await.unwrap()[0].next, 0);
    member.take_all([at("kr", 1, 0, 0.1), at("kr", 3, 2, 0.3)]).await;
    assert_eq!(bench.table("okr_events").await.len(), 2);
}

/// A home that lacks what a person has to bring is neither waited for nor taken for a record's fault.
pub async fn tables_that_are_gone_are_broken(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let gone = "DROP TABLE okr_progress_daily";
    bench.run(&format!("{gone} CASCADE"), gone).await;
    let batch = member.batch(&[(0, at("kr", 1, 0, 0.1))]);
    let broken = member.try_commit(&batch).await;
    assert!(matches!(broken, Err(ProgressError::Broken(_))), "{broken:?}");
    assert!(bench.table("okr_events").await.is_empty());
}

/// Rows and offsets are of one moment, whenever somebody looks: each event that is contained is counted.
pub async fn a_status_is_of_one_moment(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let writing = tokio::spawn(async move {
        for n in 0..200u32 {
            member.take_all([at("kr", n, n.into(), 0.5)]).await;
        }
    });
    let mut looks = 0;
    while !writing.is_finished() {
        let status = crate::status(&bench.place).await.unwrap();
        assert_eq!(status.events, status.stands[0].next, "after {looks} looks");
        looks += 1;
    }
    writing.await.unwrap();
    assert!(looks > 3, "nobody has looked");
}
