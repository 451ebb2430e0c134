//! The part of the suite that is about the gateway's memory, on both homes.

use crate::in_both_homes;

in_both_homes! {
    registrations::a_secret_is_learned_in_a_window_alone,
    registrations::a_window_that_is_opened_again_ends_anew,
    registrations::a_source_learns_no_more_than_it_may,
    registrations::what_is_forgotten_is_gone_and_the_window_is_closed,
    registrations::a_secret_is_sealed_anew_in_its_place,
    nonces::a_used_value_is_known_with_what_it_was_used_for,
    nonces::a_value_is_used_once,
    nonces::a_value_is_taken_for_one_body_until_its_outcome_is_known,
    nonces::what_is_taken_twice_for_one_body_is_left_by_nobody,
    nonces::what_a_member_took_that_is_no_more_is_free_after_a_while,
    nonces::the_sources_with_values_are_told,
    nonces::a_value_is_forgotten_when_it_is_old,
}
