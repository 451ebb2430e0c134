//! Leases, order, retries, marks.

use futures::future::join_all;
use outbox::{Depth, Outcome, Queue, Take, Want};

use crate::tests::{SERVICE, Subject, numbers, parcel, settle, settlement, take, unfinished};

pub(crate) async fn a_subject_has_one_row_out_at_a_time_and_in_order((store, clock): Subject) {
    for n in 1..=3 {
        store.plan(vec![parcel(n, "s", "a")]).await.unwrap();
    }
    let first = take(&store, &clock, "one", "a", 10).await;
    assert_eq!(numbers(&first), [1]);
    assert_eq!(take(&store, &clock, "one", "a", 10).await, [], "its first row is out");
    let again = Outcome::Again { not_before: clock.after(10), error: "500".into() };
    settle(&store, &first[0], "one", again).await;
    assert_eq!(take(&store, &clock, "one", "a", 10).await, [], "and waits, the others behind it");
    clock.advance(10);
    let second = take(&store, &clock, "one", "a", 10).await;
    assert_eq!((numbers(&second), second[0].attempt), (vec![1], 2));
    settle(&store, &second[0], "one", Outcome::Done).await;
    let next = take(&store, &clock, "one", "a", 10).await;
    assert_eq!((numbers(&next), next[0].attempt), (vec![2], 1));
    let dead = Outcome::Dead { reason: "gone".into(), error: "410".into() };
    settle(&store, &next[0], "one", dead).await;
    assert_eq!(numbers(&take(&store, &clock, "one", "a", 10).await), [3], "a dead row stops nobody");
}

pub(crate) async fn the_oldest_rows_come_first_and_no_more_than_asked_for((store, clock): Subject) {
    for n in 1..=6 {
        store.plan(vec![parcel(n, &format!("s{}", 10 - n), "a"), parcel(n, "s", "b")]).await.unwrap();
        clock.advance(1);
    }
    let wants = vec![Want { target: "a".into(), limit: 4 }, Want { target: "b".into(), limit: 4 }];
    let ask = Take {
        service: SERVICE.into(),
        owner: "one".into(),
        wants,
        lease_until: clock.after(30),
        now: clock.after(0),
    };
    let rows = store.take(ask).await.unwrap();
    let of = |target: &str| {
        let rows: Vec<_> = rows.iter().filter(|row| row.parcel.effect.target == target).cloned().collect();
        numbers(&rows)
    };
    assert_eq!((of("a"), of("b")), (vec![1, 2, 3, 4], vec![1]));
    assert_eq!(numbers(&take(&store, &clock, "one", "a", 4).await), [5, 6]);
}

/// `run` runs a statement on the store past its home.
pub(crate) async fn an_unreadable_row_holds_up_nobody_else(
    (store, clock): Subject,
    run: impl AsyncFn(&'static str),
) {
    store.plan(vec![parcel(1, "bad", "a"), parcel(2, "bad", "a")]).await.unwrap();
    clock.advance(1);
    store.plan(vec![parcel(3, "good", "a"), parcel(4, "more", "a"), parcel(5, "good", "b")]).await.unwrap();
    run("UPDATE router_parcels SET body = '{' WHERE lane = 'acme/key_result/bad'").await;

    // The bad one is the oldest: it costs one place, once.
    assert_eq!(numbers(&take(&store, &clock, "one", "a", 2).await), [3]);
    assert_eq!(numbers(&take(&store, &clock, "one", "a", 2).await), [4]);
    assert_eq!(numbers(&take(&store, &clock, "one", "b", 2).await), [5]);
    assert_eq!(unfinished(&store).await, 5, "nothing is lost");
    clock.advance(29);
    assert_eq!(take(&store, &clock, "one", "a", 2).await, [], "it is not looked at all the time");

    clock.advance(1);
    let marks = async || {
        let rows = take(&store, &clock, "two", "a", 3).await;
        rows.iter().map(|row| (row.parcel.record.offset, row.attempt, row.ambiguous)).collect::<Vec<_>>()
    };
    assert_eq!(marks().await, [(3, 2, true), (4, 2, true)]);
    clock.advance(30);
    run("UPDATE router_parcels SET body = (SELECT body FROM router_parcels WHERE lane = 'acme/key_result/more')
        WHERE lane = 'acme/key_result/bad'")
    .await;
    let marks = marks().await;
    assert!(marks.contains(&(1, 1, false)), "nothing was tried while it was unreadable: {marks:?}");
}

/// As `run` of the test above.
pub(crate) async fn an_unreadable_row_stays_in_doubt_if_it_was(
    (store, clock): Subject,
    run: impl AsyncFn(&'static str),
) {
    store.plan(vec![parcel(1, "bad", "a"), parcel(2, "good", "b")]).await.unwrap();
    assert_eq!(numbers(&take(&store, &clock, "one", "a", 1).await), [1]);
    run("UPDATE router_parcels SET body = '{' WHERE lane = 'acme/key_result/bad'").await;
    clock.advance(30);
    assert_eq!(take(&store, &clock, "two", "a", 1).await, []);
    clock.advance(30);
    run("UPDATE router_parcels SET body = (SELECT body FROM router_parcels WHERE lane = 'acme/key_result/good')
        WHERE lane = 'acme/key_result/bad'")
    .await;
    let row = take(&store, &clock, "two", "a", 1).await.remove(0);
    assert_eq!((row.attempt, row.ambiguous), (2, true), "the first attempt may have been delivered");
}

pub(crate) async fn nobody_gets_a_leased_row_before_its_lease_ends((store, clock): Subject) {
    store.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    let row = take(&store, &clock, "one", "a", 1).await.remove(0);
    assert!(!row.ambiguous);
    clock.advance(29);
    assert_eq!(take(&store, &clock, "two", "a", 1).await, []);
    clock.advance(1);
    let taken_over = take(&store, &clock, "two", "a", 1).await.remove(0);
    assert!(taken_over.ambiguous, "the first owner may have delivered it");
    assert_eq!(taken_over.attempt, 2);
}

pub(crate) async fn a_zombie_marks_nothing((store, clock): Subject) {
    store.plan(vec![parcel(1, "s", "a"), parcel(2, "s", "a")]).await.unwrap();
    let zombie = take(&store, &clock, "one", "a", 1).await.remove(0);
    clock.advance(31);
    let current = take(&store, &clock, "two", "a", 1).await.remove(0);
    settle(&store, &zombie, "one", Outcome::Done).await;
    settle(&store, &zombie, "two", Outcome::Done).await;
    settle(&store, &current, "one", Outcome::Done).await;
    assert_eq!(unfinished(&store).await, 2, "neither owner nor attempt alone is enough");

    settle(&store, &current, "two", Outcome::Done).await;
    settle(&store, &current, "two", Outcome::Dead { reason: "r".into(), error: "e".into() }).await;
    assert_eq!(unfinished(&store).await, 1);
    let next = take(&store, &clock, "two", "a", 1).await;
    assert_eq!((numbers(&next), next[0].attempt), (vec![2], 1));
    settle(&store, &zombie, "one", Outcome::Done).await;
    assert_eq!(unfinished(&store).await, 1, "nor does it mark the row behind");
}

pub(crate) async fn a_late_mark_counts_while_nobody_else_has_the_row((store, clock): Subject) {
    store.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    let row = take(&store, &clock, "one", "a", 1).await.remove(0);
    clock.advance(300);
    settle(&store, &row, "one", Outcome::Done).await;
    assert_eq!(unfinished(&store).await, 0);
}

pub(crate) async fn an_untried_attempt_is_not_counted((store, clock): Subject) {
    store.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    let row = take(&store, &clock, "one", "a", 1).await.remove(0);
    settle(&store, &row, "one", Outcome::Untried { not_before: clock.after(5) }).await;
    assert_eq!(take(&store, &clock, "one", "a", 1).await, []);
    clock.advance(5);
    let row = take(&store, &clock, "one", "a", 1).await.remove(0);
    assert_eq!((row.attempt, row.ambiguous), (1, false));
}

pub(crate) async fn settlements_of_one_call_are_marked_together((store, clock): Subject) {
    for n in 1..=4 {
        store.plan(vec![parcel(n, &format!("s{n}"), "a")]).await.unwrap();
    }
    let rows = take(&store, &clock, "one", "a", 4).await;
    let outcomes = [
        Outcome::Done,
        Outcome::Dead { reason: "gone".into(), error: "410 \0".into() },
        Outcome::Again { not_before: clock.after(7), error: "503".repeat(5_000) },
        Outcome::Done,
    ];
    let mut settlements: Vec<_> =
        rows.iter().zip(outcomes).map(|(row, outcome)| settlement(row, "one", outcome)).collect();
    settlements.push(settlement(&rows[2], "one", Outcome::Done)); // Its lease was ended by the one before.
    settlements[3].attempt = 9; // Not the current one.
    store.settle(settlements).await.unwrap();
    assert_eq!(unfinished(&store).await, 2);
    clock.advance(30);
    let rows = take(&store, &clock, "one", "a", 4).await;
    assert_eq!(numbers(&rows), [3, 4]);
    assert_eq!((rows[0].ambiguous, rows[1].ambiguous), (false, true));
}

pub(crate) async fn two_takers_share_the_rows_between_them((store, clock): Subject) {
    store.plan((0..60).map(|n| parcel(n, &format!("s{n}"), "a")).collect()).await.unwrap();
    let takers = (0..12).map(|n| {
        let (store, clock) = (store.clone(), clock.clone());
        async move { take(&store, &clock, &format!("o{n}"), "a", 10).await }
    });
    let mut taken: Vec<i64> =
        join_all(takers).await.concat().iter().map(|row| row.parcel.record.offset).collect();
    while let rows @ [_, ..] = take(&store, &clock, "last", "a", 10).await.as_slice() {
        taken.extend(numbers(rows)); // What one taker looked at, another may have left out.
    }
    taken.sort_unstable();
    assert_eq!(taken, (0..60).collect::<Vec<_>>());
}

pub(crate) async fn planning_and_marking_at_once_strands_no_row((store, clock): Subject) {
    // One subject, so that every mark looks for a next row just when one is planned.
    let planner = async {
        for n in 0..150 {
            store.plan(vec![parcel(n, "s", "a")]).await.unwrap();
        }
    };
    let deliverer = async {
        let mut seen = Vec::new();
        while seen.len() < 150 {
            for row in take(&store, &clock, "one", "a", 5).await {
                seen.extend(numbers(std::slice::from_ref(&row)));
                settle(&store, &row, "one", Outcome::Done).await;
            }
        }
        seen
    };
    let ((), seen) = futures::join!(planner, deliverer);
    assert_eq!(seen, (0..150).collect::<Vec<_>>());
    assert_eq!(unfinished(&store).await, 0);
}

pub(crate) async fn it_tells_when_a_row_is_due_and_how_many_wait((store, clock): Subject) {
    let targets = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
    assert_eq!(store.next_due(SERVICE, &targets).await.unwrap(), []);
    assert_eq!(store.depths(SERVICE).await.unwrap(), []);
    let begin = clock.after(0);
    store.plan(vec![parcel(1, "s", "a"), parcel(1, "s", "b")]).await.unwrap();
    clock.advance(3);
    store.plan(vec![parcel(2, "s", "a"), parcel(3, "t", "a")]).await.unwrap();
    let row = take(&store, &clock, "one", "b", 1).await.remove(0);

    let mut due = store.next_due(SERVICE, &targets).await.unwrap();
    due.sort();
    assert_eq!(due, [("a".to_owned(), begin), ("b".to_owned(), clock.after(30))]);
    settle(&store, &row, "one", Outcome::Again { not_before: clock.after(90), error: String::new() }).await;
    let due = store.next_due(SERVICE, &targets[1..]).await.unwrap();
    assert_eq!(due, [("b".to_owned(), clock.after(90))]);

    let mut depths = store.depths(SERVICE).await.unwrap();
    depths.sort_by(|one, other| one.target.cmp(&other.target));
    let depth = |target: &str, rows| Depth { target: target.into(), rows, oldest: Some(begin) };
    assert_eq!(depths, [depth("a", 3), depth("b", 1)]);
    assert_eq!(store.depths("warehouse").await.unwrap(), []);
}

pub(crate) async fn services_do_not_see_each_other((store, clock): Subject) {
    let mut other = parcel(1, "s", "a");
    other.effect.service = "webhooks".into();
    store.plan(vec![other]).await.unwrap();
    assert_eq!(take(&store, &clock, "one", "a", 5).await, []);
    assert_eq!(store.next_due(SERVICE, &["a".to_owned()]).await.unwrap(), []);
}
