//! The part of the suite that is about the gateway's memory, on both homes.

mod in_embedded {
    use crate::tests::{embedded::check, suite};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_secret_is_learned_in_a_window_alone() {
        check(suite::registrations::a_secret_is_learned_in_a_window_alone).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_window_that_is_opened_again_ends_anew() {
        check(suite::registrations::a_window_that_is_opened_again_ends_anew).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_source_learns_no_more_than_it_may() {
        check(suite::registrations::a_source_learns_no_more_than_it_may).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_forgotten_is_gone_and_the_window_is_closed() {
        check(suite::registrations::what_is_forgotten_is_gone_and_the_window_is_closed).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_secret_is_sealed_anew_in_its_place() {
        check(suite::registrations::a_secret_is_sealed_anew_in_its_place).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_used_value_is_known_with_what_it_was_used_for() {
        check(suite::nonces::a_used_value_is_known_with_what_it_was_used_for).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_value_is_used_once() {
        check(suite::nonces::a_value_is_used_once).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_value_is_forgotten_when_it_is_old() {
        check(suite::nonces::a_value_is_forgotten_when_it_is_old).await;
    }
}

mod in_postgres {
    use crate::tests::{postgres::check, suite};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_secret_is_learned_in_a_window_alone() {
        check(suite::registrations::a_secret_is_learned_in_a_window_alone).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_window_that_is_opened_again_ends_anew() {
        check(suite::registrations::a_window_that_is_opened_again_ends_anew).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_source_learns_no_more_than_it_may() {
        check(suite::registrations::a_source_learns_no_more_than_it_may).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_forgotten_is_gone_and_the_window_is_closed() {
        check(suite::registrations::what_is_forgotten_is_gone_and_the_window_is_closed).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_secret_is_sealed_anew_in_its_place() {
        check(suite::registrations::a_secret_is_sealed_anew_in_its_place).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_used_value_is_known_with_what_it_was_used_for() {
        check(suite::nonces::a_used_value_is_known_with_what_it_was_used_for).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_value_is_used_once() {
        check(suite::nonces::a_value_is_used_once).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_value_is_forgotten_when_it_is_old() {
        check(suite::nonces::a_value_is_forgotten_when_it_is_old).await;
    }
}
