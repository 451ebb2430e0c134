//! The suite on Postgres, and what only a shared database promises.

use std::sync::Arc;

use futures::future::join_all;
use outbox::{Outcome, Queue, QueueError, Take, Want};
use tokio::sync::OnceCell;

use super::{SERVICE, Subject, TestClock, ends, event, numbers, parcel, settle, suite, take, unfinished};
use crate::testing::{Cluster, Database, connect, run};
use crate::{Store, StoreError, Time};

/// One cluster for all tests of this process; it goes with the process.
pub(crate) async fn database() -> Database {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let cluster =
        CLUSTER.get_or_init(|| async { Cluster::start().await.unwrap_or_else(|error| panic!("{error}")) });
    cluster.await.database().await.unwrap()
}

pub(crate) async fn open(database: &Database, clock: &TestClock) -> Arc<Store> {
    Store::open_with(&database.url, clock.clock(), Time::Caller).await.unwrap()
}

/// Runs one function of the suite on a new database.
pub(super) async fn check(promise: impl AsyncFnOnce(Subject)) {
    let database = database().await;
    let clock = TestClock::new();
    ends(promise((open(&database, &clock).await, clock))).await;
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
    let (database, clock) = (database().await, TestClock::new());
    let store = open(&database, &clock).await;
    let run = async |sql| run(&database.url, sql).await.unwrap();
    ends(suite::lanes::an_unreadable_row_holds_up_nobody_else((store, clock), run)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_row_stays_in_doubt_if_it_was() {
    let (database, clock) = (database().await, TestClock::new());
    let store = open(&database, &clock).await;
    let run = async |sql| run(&database.url, sql).await.unwrap();
    ends(suite::lanes::an_unreadable_row_stays_in_doubt_if_it_was((store, clock), run)).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_start_together_make_the_tables_once() {
    let database = database().await;
    let clock = TestClock::new();
    let opened = join_all((0..5).map(|_| open(&database, &clock))).await;
    for store in opened {
        store.ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let database = database().await;
    let clock = TestClock::new();
    drop(open(&database, &clock).await);
    run(&database.url, "INSERT INTO router_migrations VALUES (99, now())").await.unwrap();
    let error = Store::open(&database.url, clock.clock()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_members_plan_and_deliver_each_effect_once() {
    let database = database().await;
    let clock = TestClock::new();
    let (one, two) = (open(&database, &clock).await, open(&database, &clock).await);
    // Both plan the same records, in opposite orders, as after a rebalance that one of them has not heard of.
    let plan = |store: Arc<Store>, order: Vec<u64>| async move {
        let plans = order.chunks(7).map(|chunk| {
            store.plan(chunk.iter().map(|n| parcel(*n, &format!("s{}", n % 10), "a")).collect())
        });
        join_all(plans).await.into_iter().map(|planned| planned.unwrap().new).sum::<usize>()
    };
    let (by_one, by_two) =
        futures::join!(plan(one.clone(), (0..300).collect()), plan(two.clone(), (0..300).rev().collect()));
    assert_eq!(by_one + by_two, 300);

    let deliver = |store: Arc<Store>, owner: &'static str| {
        let clock = clock.clone();
        async move {
            let mut seen = Vec::new();
            while unfinished(&store).await > 0 {
                let rows = take(&store, &clock, owner, "a", 10).await;
                seen.extend(numbers(&rows));
                let marks = rows.iter().map(|row| super::settlement(row, owner, Outcome::Done)).collect();
                store.settle(marks).await.unwrap();
            }
            seen
        }
    };
    let both = futures::future::join(deliver(one, "one"), deliver(two, "two"));
    let (mut seen, more) = ends(both).await;
    seen.extend(more);
    seen.sort_unstable();
    assert_eq!(seen, (0..300).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_databases_clock_decides_between_members_whose_clocks_differ() {
    let database = database().await;
    let (punctual, fast) = (TestClock::new(), TestClock::new());
    fast.advance(3_600);
    let one = Store::open(&database.url, punctual.clock()).await.unwrap();
    let two = Store::open(&database.url, fast.clock()).await.unwrap();
    let targets = ["a".to_owned()];
    let held = one.hold(SERVICE, "one", &targets, punctual.after(30), punctual.after(0)).await.unwrap();
    assert_eq!(held, targets);
    let held = two.hold(SERVICE, "two", &targets, fast.after(30), fast.after(0)).await.unwrap();
    assert_eq!(held, [""; 0], "an hour ahead, and still not its turn");

    one.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    let row = take(&one, &punctual, "one", "a", 1).await.remove(0);
    assert_eq!(take(&two, &fast, "two", "a", 1).await, []);
    settle(&one, &row, "one", Outcome::Again { not_before: punctual.after(60), error: String::new() }).await;
    assert_eq!(take(&two, &fast, "two", "a", 1).await, []);
    let due = two.next_due(SERVICE, &targets).await.unwrap().remove(0).1;
    let wait = due.duration_since(fast.after(0)).as_secs();
    assert!((50..=60).contains(&wait), "told in the asker's own time: {wait} s");
}

#[tokio::test]
async fn a_refused_parcel_fails_alone() {
    let database = database().await;
    let store = open(&database, &TestClock::new()).await;
    // Postgres' index entries have an end, and a target's name is in one.
    let noise: String = (0..400).map(|n| event(n).to_string()).collect();
    let plans = (0..20).map(|n| {
        let target = if n == 7 { noise.as_str() } else { "a" };
        store.plan(vec![parcel(n, "s", target)])
    });
    let planned = join_all(plans).await;
    for (n, planned) in planned.iter().enumerate() {
        assert_eq!(planned.is_err(), n == 7, "{n}: {planned:?}");
    }
    assert!(matches!(planned[7], Err(QueueError::Broken(_))));
}

#[tokio::test]
async fn a_take_that_fails_leases_nothing() {
    let (database, clock) = (database().await, TestClock::new());
    let store = open(&database, &clock).await;
    store.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    // Only reading the parcels fails, and not before it is done.
    let fails = "ALTER TABLE router_parcels RENAME TO kept; CREATE VIEW router_parcels AS
        SELECT id, service, target, lane, planned_at, received_at, (1 / (id - id))::text AS body, record FROM kept";
    run(&database.url, fails).await.unwrap();
    let ask = Take {
        service: SERVICE.into(),
        owner: "one".into(),
        wants: vec![Want { target: "a".into(), limit: 1 }],
        lease_until: clock.after(30),
        now: clock.after(0),
    };
    let error = store.take(ask).await.unwrap_err();
    assert!(error.to_string().contains("division by zero"), "{error}");
    run(&database.url, "DROP VIEW router_parcels; ALTER TABLE kept RENAME TO router_parcels").await.unwrap();
    let row = take(&store, &clock, "one", "a", 1).await.remove(0);
    assert_eq!((row.attempt, row.ambiguous), (1, false), "nothing was sent");
}

#[tokio::test]
async fn a_cut_connection_is_passing_and_the_next_call_has_a_new_one() {
    let database = database().await;
    let store = open(&database, &TestClock::new()).await;
    store.plan(vec![parcel(1, "s", "a")]).await.unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    connect(&database.url).await.unwrap().batch_execute(cut).await.unwrap();
    // The first call may meet the dead connection or a new one already.
    if let Err(error) = store.plan(vec![parcel(1, "s", "a")]).await {
        assert!(matches!(error, QueueError::Unavailable(_)), "{error}");
    }
    assert_eq!(store.plan(vec![parcel(1, "s", "a")]).await.unwrap().known, 1);
}

#[tokio::test]
async fn a_wrong_password_or_database_is_broken_and_an_absent_server_is_passing() {
    let database = database().await;
    let clock = TestClock::new();
    let error = Store::open(&format!("{}_gone", database.url), clock.clock()).await.unwrap_err();
    assert!(!error.is_passing(), "{error}");
    let error = Store::open("postgres://me:secret@127.0.0.1:1/db", clock.clock()).await.unwrap_err();
    assert!(error.is_passing() && !error.to_string().contains("secret"), "{error}");
}
