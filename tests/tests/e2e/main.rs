//! The main job, end to end, on real Kafka with Apicurio and again on the embedded pair: processes of the binary
//! itself, webhooks signed without our code, a fake Slack on HTTP.

mod case;
mod duplicates;
mod evidence;
mod first_light;
mod places;
mod poison;
mod refusals;
mod routing;
mod world;

use world::Home;

/// Each case runs in the shared world of a pair; every case has a team, a route and a channel of its own.
macro_rules! on_both_pairs {
    ($($name:ident => $case:path;)*) => {
        mod kafka {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> { $case(super::Home::kafka().await?).await })*
        }
        #[cfg(feature = "embedded")]
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> { $case(super::Home::embedded().await?).await })*
        }
    };
}

on_both_pairs! {
    one_send_gives_one_message_with_title_percent_and_owner => crate::first_light::one_send;
    the_independent_client_reads_what_we_write => crate::evidence::independent_client;
    the_same_delivery_five_times_gives_one_message => crate::duplicates::five_times;
    the_same_delivery_at_the_same_time_gives_one_message => crate::duplicates::concurrently;
    one_identity_with_two_contents_is_held => crate::duplicates::identity_reused;
    what_is_not_proven_is_refused_and_nothing_is_produced => crate::refusals::unproven;
    what_is_malformed_is_refused_with_its_status => crate::refusals::malformed;
    a_second_secret_is_accepted => crate::refusals::second_secret;
    what_is_not_understood_is_held => crate::refusals::held;
    poison_goes_to_the_dead_letters_untouched => crate::poison::poison;
    departments_have_their_partitions_and_subjects_their_order => crate::places::departments;
    an_absent_progress_matches_no_comparison => crate::routing::absent_progress;
}
