//! Notes and actors go by their age, by one member at a time.

use std::sync::Arc;
use std::time::Duration;

use boot::House;
use okr::OkrEvent;

use crate::forget::sweep;
use crate::retention;
use crate::sweep::Rule;
use crate::tests::bench::{Bench, Member};
use crate::tests::history::{at, minutes};
use crate::tests::reference;

/// Notes and actors go by their age, and what they are of stays.
pub async fn old_notes_go_and_what_they_are_of_stays(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let noted = |event: OkrEvent| OkrEvent { note: Some("n".into()), actor: Some("a".into()), ..event };
    let events = [
        noted(at("a", 1, 0, 0.1)),
        noted(at("a", 2, 20, 0.2)),
        noted(at("b", 3, 5, 0.3)),
        at("c", 4, 1, 0.4),
    ];
    member.take_all(events.clone()).await;
    let rule = Rule::Older(minutes(10));
    let tally = sweep(&*bench.target, &rule, true).await.unwrap();
    assert_eq!((tally.changed, tally.subjects, tally.notes, tally.actors), (2, 2, 2, 2));
    let mut expected = events.to_vec();
    for at in [0, 2] {
        (expected[at].note, expected[at].actor) = (None, None);
    }
    reference::check(&bench, &expected).await.unwrap();
    // What comes late is as old, and goes with the next pass.
    member.take_all([noted(at("a", 5, 3, 0.15))]).await;
    let tally = sweep(&*bench.target, &rule, true).await.unwrap();
    assert_eq!((tally.changed, tally.subjects), (1, 1));
    expected.push(at("a", 5, 3, 0.15));
    reference::check(&bench, &expected).await.unwrap();
    assert_eq!(sweep(&*bench.target, &rule, true).await.unwrap().changed, 0);
}

/// As the service does it, by its clock.
pub async fn notes_go_by_their_age_while_the_service_runs(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let noted = |event: OkrEvent| OkrEvent { note: Some("n".into()), ..event };
    let events = [noted(at("a", 1, 0, 0.1)), noted(at("a", 2, 20, 0.2))];
    member.take_all(events.clone()).await;
    let day = Duration::from_secs(24 * 60 * 60);
    let house = House::new(Arc::new(move || minutes(10) + day));
    let kept =
        tokio::spawn(retention::keep(house.clone(), bench.target.clone(), day, Duration::from_millis(10)));
    let expected = [at("a", 1, 0, 0.1), events[1].clone()];
    while reference::check(&bench, &expected).await.is_err() {
        tokio::task::yield_now().await;
    }
    house.shutdown.cancel();
    kept.await.unwrap().unwrap();
}

/// A member that looks once whether it is its turn, and for what is older than a day, a day after minute 10.
async fn look_once(bench: &Bench) {
    let day = Duration::from_secs(24 * 60 * 60);
    let house = House::new(Arc::new(move || minutes(10) + day));
    house.shutdown.cancel();
    retention::keep(house, bench.target.clone(), day, day).await.unwrap();
}

pub async fn one_member_at_a_time_looks_for_old_notes(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let noted = OkrEvent { note: Some("n".into()), ..at("a", 1, 0, 0.1) };
    member.take_all([noted.clone()]).await;
    let turn = bench.target.turn().await.unwrap().expect("nobody else is there");
    assert!(turn.is_held().await);
    // A file has one process anyway.
    if bench.is_shared() {
        assert!(bench.target.turn().await.unwrap().is_none());
        look_once(&bench).await;
        reference::check(&bench, std::slice::from_ref(&noted)).await.unwrap();
        let cut = "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND classid = 8028077
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        bench.run(cut, "").await;
        assert!(!turn.is_held().await, "the server has ended it");
        let house = House::new(Arc::new(|| minutes(0)));
        let pass = retention::pass(&house, &*bench.target, &turn, minutes(10)).await;
        assert!(pass.is_err(), "it is nobody's turn: {pass:?}");
        reference::check(&bench, &[noted]).await.unwrap();
    }
    drop(turn);
    look_once(&bench).await;
    reference::check(&bench, &[at("a", 1, 0, 0.1)]).await.unwrap();
    drop(bench.target.turn().await.unwrap());
}
