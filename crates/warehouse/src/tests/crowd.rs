//! Members that stand in each other's way on one Postgres, and one that stands still there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::SinkExt;
use okr::OkrEvent;
use serde_json::json;
use store::testing::connect;
use tokio_postgres::Client;

use super::bench::{Bench, Member, slot};
use super::history::{at, minutes};
use super::postgres::database;
use super::{ends, reference};
use crate::postgres::TOGETHER;
use crate::{Entry, SERVICE};

const MEMBERS: &str = "SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'okr-router' ORDER BY pid";

const WAITING: &str = "SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// A connection like a member's.
async fn another(bench: &Bench) -> Client {
    let client = connect(&bench.place.url).await.unwrap();
    client.batch_execute("SET search_path = okr; SET application_name = 'okr-router'").await.unwrap();
    client
}

/// Waits until somebody waits for a lock.
async fn somebody_waits(bench: &Bench) {
    while bench.rows(WAITING).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_still_under_way_is_waited_for_before_it_is_said_where_slots_stand() {
    let check = async {
        let bench = Bench::postgres(database().await).await;
        let mut member = Member::join(&bench.target, [0]).await;
        member.take_all([at("kr", 1, 0, 0.1)]).await;
        let other = another(&bench).await;
        other.batch_execute("BEGIN; UPDATE okr_sink_offsets SET next_offset = 7").await.unwrap();
        let target = Arc::clone(&bench.target);
        let mut asked = tokio::spawn(async move { target.standings(SERVICE, &[slot(0)]).await.unwrap() });
        tokio::select! {
            told = &mut asked => panic!("nobody was waited for: {told:?}"),
            () = somebody_waits(&bench) => {}
        }
        other.batch_execute("COMMIT").await.unwrap();
        assert_eq!(asked.await.unwrap()[0].next, 7);
    };
    ends(check).await;
}

/// Its process stands still, so that the server waits for its rows without any bound of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_stops_in_the_middle_of_its_rows_does_not_hold_up_the_others() {
    let check = async {
        let bench = Bench::postgres(database().await).await;
        let mut member = Member::join(&bench.target, [0, 1]).await;
        member.take(&[(0, at("kr", 1, 0, 0.1)), (1, at("other", 1, 0, 0.1))]).await;
        let stopped = another(&bench).await;
        let hold = "SELECT 1 FROM okr_sink_offsets WHERE partition = 0 FOR UPDATE";
        stopped.batch_execute(&format!("BEGIN; {TOGETHER}; {hold}")).await.unwrap();
        let rows = stopped.copy_in::<_, Bytes>("COPY okr_events FROM STDIN (FORMAT binary)").await.unwrap();
        let mut rows = std::pin::pin!(rows);

        // Its successor, and one that has to have the tables alone.
        let right = OkrEvent { revision: 7, ..at("other", 1, 0, 0.4) };
        let correction = member.batch(&[(1, right.clone())]);
        let (mut heir, corrected) =
            tokio::join!(Member::join(&bench.target, [0]), member.try_commit(&correction));
        corrected.unwrap();
        heir.take_all([at("kr", 2, 5, 0.2)]).await;
        let all = [at("kr", 1, 0, 0.1), at("other", 1, 0, 0.1), right, at("kr", 2, 5, 0.2)];
        reference::check(&bench, &all).await.unwrap();
        // It wakes up, and finds that it is out.
        let _ = rows.send(Bytes::from_static(b"PGCOPY")).await;
        assert!(rows.finish().await.is_err());
        assert!(stopped.batch_execute("COMMIT").await.is_err());
    };
    ends(check).await;
}

/// As received so late, with a note to tell it by.
fn copy(of: OkrEvent, received: i64, note: &str) -> OkrEvent {
    OkrEvent { received_at: minutes(received), note: Some(note.into()), ..of }
}

/// A better copy comes between two looks of one who has a worse one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worse_copy_never_replaces_a_better_one() {
    let check = async {
        let bench = Bench::postgres(database().await).await;
        let mut member = Member::join(&bench.target, [0]).await;
        let of = |received, note| copy(at("kr", 1, 5, 0.2), received, note);
        let (worst, worse, best) = (of(9, "worst"), of(7, "worse"), of(5, "best"));
        member.take_all([worst.clone()]).await;
        let other = another(&bench).await;
        let lock = "LOCK TABLE okr_events IN SHARE ROW EXCLUSIVE MODE";
        other.batch_execute(&format!("BEGIN; {TOGETHER}; {lock}")).await.unwrap();
        let batch = member.batch(&[(0, worse.clone())]);
        let commit = tokio::spawn(async move { member.try_commit(&batch).await });
        somebody_waits(&bench).await;
        let put = format!("SET received_at = '{}', note = 'best'", best.received_at);
        let replace =
            format!("UPDATE okr_events {put}; UPDATE okr_state {put}, version = version + 1; COMMIT");
        other.batch_execute(&replace).await.unwrap();
        commit.await.unwrap().unwrap();
        reference::check(&bench, &[worst, worse, best]).await.unwrap();
    };
    ends(check).await;
}

/// Whoever takes rows out goes through the subjects twice, so in no order that others could keep.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_replaces_what_others_add_to_never_waits_in_a_circle() {
    let check = async {
        let bench = Bench::postgres(database().await).await;
        let mut member = Member::join(&bench.target, [0]).await;
        let (late, plain) = (copy(at("first", 1, 5, 0.2), 9, "late"), at("second", 1, 0, 0.1));
        member.take_all([late.clone(), plain.clone()]).await;
        let other = another(&bench).await;
        let first = "SELECT 1 FROM okr_state WHERE subject_id = 'first' FOR UPDATE";
        other.batch_execute(&format!("BEGIN; {TOGETHER}; {first}")).await.unwrap();
        let (early, newer) = (copy(at("first", 1, 5, 0.2), 7, "early"), at("second", 2, 10, 0.3));
        let batch = member.batch(&[(0, early.clone()), (0, newer.clone())]);
        let commit = tokio::spawn(async move { member.try_commit(&batch).await });
        somebody_waits(&bench).await;
        let second = "UPDATE okr_state SET updated_at = now() WHERE subject_id = 'second'";
        other.batch_execute(&format!("{second}; COMMIT")).await.unwrap();
        commit.await.unwrap().unwrap();
        reference::check(&bench, &[late, plain, early, newer]).await.unwrap();
        assert_eq!(bench.counted("deadlocks").await, 0);
    };
    ends(check).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_met_another_begins_again_on_the_same_connection() {
    let check = async {
        let bench = Bench::postgres(database().await).await;
        let mut member = Member::join(&bench.target, [0]).await;
        let (old, new, late) = (at("kr", 1, 0, 0.1), at("kr", 2, 10, 0.2), at("kr", 3, 5, 0.3));
        member.take_all([old.clone(), new.clone()]).await;
        let other = another(&bench).await;
        let sessions = bench.rows(MEMBERS).await;
        // It is just adding the same event.
        let row = json!({
            "event_id": late.event_id.0, "source_delivery_id": late.source.delivery_id, "progress": late.progress,
            "occurred_at": late.occurred_at, "received_at": late.received_at, "ordered_at": late.occurred_at,
        });
        let add = format!(
            "BEGIN; INSERT INTO okr_events SELECT r.* FROM okr_events e, jsonb_populate_record(e, '{row}') r
             WHERE e.event_id = '{}'",
            old.event_id.0
        );
        other.batch_execute(&add).await.unwrap();
        let batch = member.batch(&[(0, late.clone())]);
        let commit = tokio::spawn(async move { member.try_commit(&batch).await });
        somebody_waits(&bench).await;
        other.batch_execute("COMMIT").await.unwrap();
        commit.await.unwrap().unwrap();
        assert_eq!(bench.rows(MEMBERS).await, sessions);
        reference::check(&bench, &[old, new, late]).await.unwrap();
        assert!(bench.counted("xact_rollback").await > 0, "they did not meet");
    };
    ends(check).await;
}

/// What is late for one of them is newer for the other, and the other way round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_pass_each_others_subjects_part_soon_and_lose_nothing() {
    let check = async {
        let bench = Bench::postgres(database().await).await;
        let mut member = Member::join(&bench.target, [0]).await;
        let mut known = ["one", "two"].map(|of| at(of, 1, 9, 0.1));
        known.sort_by_key(|event| Entry::at(event.clone(), slot(0), 0).unwrap().subject);
        member.take_all(known.clone()).await;
        let [first, last] = known.clone().map(|event| event.subject.id);
        let other = another(&bench).await;
        let hold = |of: &str| format!("SELECT 1 FROM okr_state WHERE subject_id = '{of}' FOR UPDATE");
        other.batch_execute(&format!("BEGIN; {TOGETHER}; {}", hold(&first))).await.unwrap();
        let came = [at(&first, 2, 5, 0.2), at(&last, 2, 15, 0.3)];
        let batch = member.batch(&came.clone().map(|event| (0, event)));
        let commit = tokio::spawn(async move { member.try_commit(&batch).await });
        // It has the last one by now.
        somebody_waits(&bench).await;
        other.batch_execute(&hold(&last)).await.unwrap();
        other.batch_execute("COMMIT").await.unwrap();
        commit.await.unwrap().unwrap();
        let all: Vec<OkrEvent> = known.into_iter().chain(came).collect();
        reference::check(&bench, &all).await.unwrap();
        assert_eq!(bench.counted("deadlocks").await, 0);
    };
    ends(check).await;
}

/// It has passed a subject as unknown, which a third one makes, and of which another takes hold that waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_wait_in_a_circle_with_a_third_part_and_lose_nothing() {
    let check = async {
        let bench = Bench::postgres(database().await).await;
        let mut member = Member::join(&bench.target, [0]).await;
        let mut third = Member::join(&bench.target, [1]).await;
        let mut known = ["one", "two"].map(|of| at(of, 1, 0, 0.1));
        known.sort_by_key(|event| Entry::at(event.clone(), slot(0), 0).unwrap().subject);
        member.take_all(known.clone()).await;
        let [first, last] = known.clone().map(|event| event.subject.id);
        let (holder, other) = (another(&bench).await, another(&bench).await);
        let hold = |of: &str| format!("SELECT 1 FROM okr_state WHERE subject_id = '{of}' FOR UPDATE");
        holder.batch_execute(&format!("BEGIN; {TOGETHER}; {}", hold(&last))).await.unwrap();
        let came = [at(&first, 2, 5, 0.2), at(&last, 2, 5, 0.3), at("new", 2, 5, 0.4)];
        let batch = member.batch(&came.clone().map(|event| (0, event)));
        let commit = tokio::spawn(async move { member.try_commit(&batch).await });
        somebody_waits(&bench).await;
        // The member has the first one by now.
        let made = at("new", 1, 2, 0.5);
        third.take(&[(1, made.clone())]).await;
        other.batch_execute(&format!("BEGIN; {TOGETHER}; {}", hold("new"))).await.unwrap();
        let circle = tokio::spawn(async move {
            let held = other.batch_execute(&hold(&first)).await;
            other.batch_execute("COMMIT").await.unwrap();
            held.is_ok()
        });
        while bench.rows(WAITING).await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        holder.batch_execute("COMMIT").await.unwrap();
        commit.await.unwrap().unwrap();
        circle.await.unwrap();
        let all: Vec<OkrEvent> = known.into_iter().chain(came).chain([made]).collect();
        reference::check(&bench, &all).await.unwrap();
        assert_eq!(bench.counted("deadlocks").await, 0);
    };
    ends(check).await;
}
