//! The suite on an embedded file, and what only a file promises.

use super::bench::Bench;
use super::{ends, suite};
use crate::{OpenError, Tables, open};

/// Runs one function of the suite on a new file.
async fn check(promise: impl AsyncFnOnce(Bench)) {
    ends(promise(Bench::file().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assignment_raises_the_epoch_and_says_where_it_stands() {
    check(suite::offsets::an_assignment_raises_the_epoch_and_says_where_it_stands).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_all_or_nothing() {
    check(suite::offsets::a_batch_is_all_or_nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zombie_commits_nothing() {
    check(suite::offsets::a_zombie_commits_nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_given_up_begins_anew_and_its_rows_stay() {
    check(suite::offsets::a_slot_that_is_given_up_begins_anew_and_its_rows_stay).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_dead_letters_alone_moves_the_offsets() {
    check(suite::offsets::a_batch_of_dead_letters_alone_moves_the_offsets).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_at_fault_is_refused_and_the_others_are_not() {
    check(suite::offsets::a_row_at_fault_is_refused_and_the_others_are_not).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_gone_are_broken() {
    check(suite::offsets::tables_that_are_gone_are_broken).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_has_its_column() {
    check(suite::exact::every_field_has_its_column).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_database_can_keep_is_replaced() {
    check(suite::exact::what_no_database_can_keep_is_replaced).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_comes_again_changes_nothing() {
    check(suite::exact::an_event_that_comes_again_changes_nothing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_comes_late_fills_in_what_newer_ones_do_not_say() {
    check(suite::exact::an_event_that_comes_late_fills_in_what_newer_ones_do_not_say).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_before_all_others_and_one_between_them_come_late() {
    check(suite::exact::a_day_before_all_others_and_one_between_them_come_late).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_replaces_what_its_delivery_said() {
    check(suite::exact::a_correction_replaces_what_its_delivery_said).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_subject_stays_and_may_come_back() {
    check(suite::exact::a_deleted_subject_stays_and_may_come_back).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_comes_in_whatever_batches_state_is_the_fold() {
    check(suite::exact::whatever_comes_in_whatever_batches_state_is_the_fold).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_forgotten_is_out_of_all_tables_and_stays_out() {
    check(suite::forget::who_is_forgotten_is_out_of_all_tables_and_stays_out).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_mentions_somebody_goes_only_where_it_is_asked_for() {
    check(suite::forget::text_that_mentions_somebody_goes_only_where_it_is_asked_for).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_of_one_namespace_is_another_person_in_the_next() {
    check(suite::forget::an_id_of_one_namespace_is_another_person_in_the_next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_forgotten_while_members_write() {
    check(suite::forget::a_person_is_forgotten_while_members_write).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_notes_go_and_what_they_are_of_stays() {
    check(suite::forget::old_notes_go_and_what_they_are_of_stays).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_that_a_later_release_adds_stops_no_member() {
    check(suite::forget::a_column_that_a_later_release_adds_stops_no_member).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_of_one_moment() {
    check(suite::offsets::a_status_is_of_one_moment).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_go_by_their_age_while_the_service_runs() {
    check(suite::forget::notes_go_by_their_age_while_the_service_runs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_one_process_s_alone() {
    let bench = Bench::file().await;
    let held = open(&bench.place, Tables::Migrate).await.unwrap_err();
    assert!(matches!(&held, OpenError::File(why) if why.contains("held by process")), "{held}");
    assert!(!held.is_passing());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_is_there_when_it_is_opened_again() {
    let bench = Bench::file().await;
    let mut member = super::bench::Member::join(&bench.target, [0]).await;
    member.take_all([super::history::at("kr", 1, 0, 0.5)]).await;
    // The folder stays.
    let Bench { target, place, behind: _folder } = bench;
    drop((member, target));
    let target = open(&place, Tables::Expect).await.unwrap();
    let stands = target.offsets().await.unwrap();
    assert_eq!((stands[0].epoch, stands[0].next), (1, 1));
    target.ping().await.unwrap();
}

#[tokio::test]
async fn a_url_that_is_no_warehouse_is_refused_without_being_shown() {
    for url in ["mysql://okr:hunter2@db/okr", "file:", "file:folder/", "okr:hunter2@db"] {
        let place = crate::Place { url: url.to_owned(), schema: crate::SCHEMA.to_owned() };
        let refused = open(&place, Tables::Expect).await.unwrap_err();
        assert!(matches!(refused, OpenError::Url) && !refused.to_string().contains("hunter2"), "{refused}");
    }
}
