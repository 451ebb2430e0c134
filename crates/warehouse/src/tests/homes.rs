//! What every home promises.

use store::in_both_homes;

in_both_homes! {
    offsets::an_assignment_raises_the_epoch_and_says_where_it_stands,
    offsets::a_batch_is_all_or_nothing,
    offsets::a_zombie_commits_nothing,
    offsets::a_slot_that_is_given_up_begins_anew_and_its_rows_stay,
    offsets::a_batch_of_dead_letters_alone_moves_the_offsets,
    offsets::a_row_at_fault_is_refused_and_the_others_are_not,
    offsets::tables_that_are_gone_are_broken,
    exact::every_field_has_its_column,
    exact::what_no_database_can_keep_is_replaced,
    exact::an_event_that_comes_again_changes_nothing,
    exact::an_event_that_comes_late_fills_in_what_newer_ones_do_not_say,
    exact::a_day_before_all_others_and_one_between_them_come_late,
    exact::a_correction_replaces_what_its_delivery_said,
    exact::a_deleted_subject_stays_and_may_come_back,
    exact::whatever_comes_in_whatever_batches_state_is_the_fold,
    forget::who_is_forgotten_is_out_of_all_tables_and_stays_out,
    forget::text_that_mentions_somebody_goes_only_where_it_is_asked_for,
    forget::an_address_goes_wherever_it_stands_and_stays_out,
    forget::a_list_is_taken_to_another_warehouse,
    forget::an_id_of_one_namespace_is_another_person_in_the_next,
    forget::a_person_is_forgotten_while_members_write,
    recall::a_list_is_read_once_and_again_when_something_is_added,
    recall::a_commit_costs_the_same_however_many_were_forgotten,
    ages::old_notes_go_and_what_they_are_of_stays,
    ages::one_member_at_a_time_looks_for_old_notes,
    forget::a_column_that_a_later_release_adds_stops_no_member,
    offsets::a_status_is_of_one_moment,
    ages::notes_go_by_their_age_while_the_service_runs,
}
