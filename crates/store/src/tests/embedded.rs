//! The suite on a file, and what only a file promises.

use std::time::{Duration, Instant};

use futures::future::join_all;
use outbox::{Outcome, Queue, QueueError};

use super::{Subject, TestClock, ends, numbers, parcel, settle, suite, take};
use crate::{Store, StoreError};

fn url(folder: &tempfile::TempDir) -> String {
    format!("file:{}", folder.path().join("deep/er/state.db").display())
}

/// Runs one function of the suite on a new file.
pub(super) async fn check(promise: impl AsyncFnOnce(Subject)) {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    ends(promise((Store::open(&url(&folder), clock.clock()).await.unwrap(), clock))).await;
}

/// Runs a statement on a file past the store that holds it.
async fn run(folder: &tempfile::TempDir, sql: &str) {
    let file = libsql::Builder::new_local(folder.path().join("deep/er/state.db")).build().await.unwrap();
    let connection = file.connect().unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.execute_batch(sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_stays_until_it_is_resumed() {
    check(suite::brakes::a_halt_stays_until_it_is_resumed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resuming_a_service_lets_its_further_consumers_go_on() {
    check(suite::brakes::resuming_a_service_lets_its_further_consumers_go_on).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fuse_is_remembered_as_it_was_saved_last() {
    check(suite::brakes::a_fuse_is_remembered_as_it_was_saved_last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assignment_raises_the_epoch_and_says_where_it_stands() {
    check(suite::progress::an_assignment_raises_the_epoch_and_says_where_it_stands).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_all_or_nothing() {
    check(suite::progress::a_batch_is_all_or_nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zombie_commits_nothing() {
    check(suite::progress::a_zombie_commits_nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_given_up_begins_anew_in_its_own_epoch() {
    check(suite::progress::a_slot_that_is_given_up_begins_anew_in_its_own_epoch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gaps_are_kept_until_a_person_accepts_them() {
    check(suite::gaps::gaps_are_kept_until_a_person_accepts_them).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_has_given_up_is_given_up_once() {
    check(suite::gaps::what_a_person_has_given_up_is_given_up_once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assignment_forgets_what_was_accepted_elsewhere() {
    check(suite::gaps::an_assignment_forgets_what_was_accepted_elsewhere).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resuming_forgets_the_gaps_that_nobody_has_accepted() {
    check(suite::gaps::resuming_forgets_the_gaps_that_nobody_has_accepted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_commit_is_outdated_and_stands_where_it_should() {
    check(suite::progress::a_repeated_commit_is_outdated_and_stands_where_it_should).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_produced_waits_in_order_for_one_relay() {
    check(suite::progress::what_is_produced_waits_in_order_for_one_relay).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_is_claimed_by_one_of_many() {
    check(suite::claims::an_effect_is_claimed_by_one_of_many).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_part_of_an_effect_makes_another() {
    check(suite::claims::each_part_of_an_effect_makes_another).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_is_known_and_adds_nothing() {
    check(suite::planning::a_repeat_is_known_and_adds_nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_another_effect() {
    check(suite::planning::a_replay_is_another_effect).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_planners_one_makes_each_row() {
    check(suite::planning::of_many_planners_one_makes_each_row).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_comes_back_as_it_was() {
    check(suite::planning::a_parcel_comes_back_as_it_was).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_one_call_keep_their_order() {
    check(suite::planning::rows_of_one_call_keep_their_order).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_has_one_row_out_at_a_time_and_in_order() {
    check(suite::lanes::a_subject_has_one_row_out_at_a_time_and_in_order).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_rows_come_first_and_no_more_than_asked_for() {
    check(suite::lanes::the_oldest_rows_come_first_and_no_more_than_asked_for).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_row_holds_up_nobody_else() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let store = Store::open(&url(&folder), clock.clock()).await.unwrap();
    ends(suite::lanes::an_unreadable_row_holds_up_nobody_else((store, clock), async |sql| {
        run(&folder, sql).await
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_row_stays_in_doubt_if_it_was() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let store = Store::open(&url(&folder), clock.clock()).await.unwrap();
    ends(suite::lanes::an_unreadable_row_stays_in_doubt_if_it_was((store, clock), async |sql| {
        run(&folder, sql).await
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_a_leased_row_before_its_lease_ends() {
    check(suite::lanes::nobody_gets_a_leased_row_before_its_lease_ends).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zombie_marks_nothing() {
    check(suite::lanes::a_zombie_marks_nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_mark_counts_while_nobody_else_has_the_row() {
    check(suite::lanes::a_late_mark_counts_while_nobody_else_has_the_row).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untried_attempt_is_not_counted() {
    check(suite::lanes::an_untried_attempt_is_not_counted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settlements_of_one_call_are_marked_together() {
    check(suite::lanes::settlements_of_one_call_are_marked_together).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_takers_share_the_rows_between_them() {
    check(suite::lanes::two_takers_share_the_rows_between_them).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planning_and_marking_at_once_strands_no_row() {
    check(suite::lanes::planning_and_marking_at_once_strands_no_row).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_tells_when_a_row_is_due_and_how_many_wait() {
    check(suite::lanes::it_tells_when_a_row_is_due_and_how_many_wait).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_do_not_see_each_other() {
    check(suite::lanes::services_do_not_see_each_other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_has_one_owner_until_its_lease_ends() {
    check(suite::holds::a_target_has_one_owner_until_its_lease_ends).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_share_targets_fairly() {
    check(suite::holds::members_share_targets_fairly).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_leaves_frees_its_targets_at_once() {
    check(suite::holds::a_member_that_leaves_frees_its_targets_at_once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_no_longer_asked_for_is_given_up() {
    check(suite::holds::a_target_that_is_no_longer_asked_for_is_given_up).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_finished_long_ago_is_forgotten() {
    check(suite::pruning::only_what_was_finished_long_ago_is_forgotten).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_is_forgotten_in_slices() {
    check(suite::pruning::much_is_forgotten_in_slices).await;
}

#[tokio::test]
async fn a_second_opener_is_told_who_holds_the_file_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let store = Store::open(&url(&folder), clock.clock()).await.unwrap();
    let error = Store::open(&url(&folder), clock.clock()).await.unwrap_err();
    assert!(matches!(error, StoreError::Held { .. }));
    let words = error.to_string();
    assert!(
        words.contains(&format!("process {}", std::process::id())) && words.contains("postgres://"),
        "{words}"
    );
    drop(store);
    Store::open(&url(&folder), clock.clock()).await.unwrap();
}

#[tokio::test]
async fn what_was_planned_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let store = Store::open(&url(&folder), clock.clock()).await.unwrap();
    store.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    drop(store);
    let store = Store::open(&url(&folder), clock.clock()).await.unwrap();
    assert_eq!(store.plan(vec![parcel(1, "s", "a")]).await.unwrap().known, 1);
}

#[tokio::test]
async fn leases_of_a_process_that_is_gone_hold_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let targets = ["a".to_owned()];
    let store = Store::open(&url(&folder), clock.clock()).await.unwrap();
    store.plan(vec![parcel(1, "s", "a"), parcel(2, "s", "a")]).await.unwrap();
    let held = store.hold("notifier", "one", &targets, clock.after(60), clock.after(0)).await.unwrap();
    let left = take(&store, &clock, "one", "a", 10).await;
    assert_eq!((held.as_slice(), left.len()), (targets.as_slice(), 1));
    drop(store); // As after SIGKILL, nothing is given back.

    let store = Store::open(&url(&folder), clock.clock()).await.unwrap();
    let held = store.hold("notifier", "two", &targets, clock.after(60), clock.after(0)).await.unwrap();
    let taken = take(&store, &clock, "two", "a", 10).await;
    assert_eq!((held.as_slice(), numbers(&taken)), (targets.as_slice(), vec![1]));
    assert!(taken[0].ambiguous && taken[0].attempt == 2, "it may have been delivered");
    settle(&store, &left[0], "one", Outcome::Done).await;
    assert!(take(&store, &clock, "two", "a", 10).await.is_empty(), "the old owner marks nothing any more");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    drop(Store::open(&url(&folder), clock.clock()).await.unwrap());
    let file = folder.path().join("deep/er/state.db");
    let database = libsql::Builder::new_local(file).build().await.unwrap();
    database.connect().unwrap().execute_batch("PRAGMA user_version = 99").await.unwrap();
    let error = Store::open(&url(&folder), clock.clock()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn what_is_no_database_is_broken_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    std::fs::write(&file, "not a database, but long enough to be looked at ".repeat(100)).unwrap();
    let error = Store::open(&format!("file:{}", file.display()), TestClock::new().clock()).await.unwrap_err();
    assert!(matches!(error, StoreError::Home(QueueError::Broken(_))) && !error.is_passing(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_come_together_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&url(&folder), TestClock::new().clock()).await.unwrap();
    let alone = Instant::now();
    for n in 0..50 {
        store.plan(vec![parcel(n, "s", "a")]).await.unwrap();
    }
    let alone = alone.elapsed() / 50;
    let together = Instant::now();
    let plans = (1_000..2_000).map(|n| store.plan(vec![parcel(n, &n.to_string(), "a")]));
    assert!(join_all(plans).await.iter().all(Result::is_ok));
    let together = together.elapsed() / 1_000;
    eprintln!("{alone:?} per call alone, {together:?} together");
    assert_eq!(store.plan((1_000..2_000).map(|n| parcel(n, "s", "a")).collect()).await.unwrap().known, 1_000);
    assert!(store.ping().await.is_ok());
}
