//! The runtime over a feed, a handler and dead letters that a test drives; time stands still unless waited for.

mod batches;
mod brakes;
mod eyes;
mod fakes;
mod reading;
mod watch;
mod writers;

use std::time::Duration;

use bus::header;
use tokio::time::sleep;

use crate::Failure;
use crate::feed::News;
use crate::runtime::End;
use crate::tests::fakes::{Bench, record, slot};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn what_is_handled_is_committed_on_the_tick() {
    let bench = Bench::start(|_, _| Ok(()));
    bench.assign();
    (0..5).for_each(|offset| bench.receive(record(0, offset, "a")));
    sleep(SECOND * 2).await;
    assert_eq!(bench.commits(), [(slot(0), 5)]);
    sleep(SECOND * 5).await;
    assert_eq!(bench.commits().len(), 1, "what has not moved is not committed again");
    assert_eq!(bench.stop().await, (End::Left, vec![(slot(0), 5)]));
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_lost_is_made_good_though_nothing_moves() {
    let bench = Bench::start(|_, _| Ok(()));
    bench.assign();
    bench.receive(record(0, 0, "a"));
    sleep(SECOND * 70).await;
    assert_eq!(bench.commits(), [(slot(0), 1), (slot(0), 1)], "once a minute");
}

#[tokio::test(start_paused = true)]
async fn the_poll_never_stops_and_a_slow_key_holds_up_no_other() {
    let bench =
        Bench::start_slow(
            |record| if &record.key.as_deref().unwrap()[..1] == b"s" { SECOND * 900 } else { SECOND },
        );
    bench.assign();
    bench.receive(record(0, 0, "slow"));
    (1..100).for_each(|offset| bench.receive(record(0, offset, &format!("key {offset}"))));
    sleep(SECOND * 10).await;
    assert_eq!(bench.handled().len(), 99);
    assert!(bench.is_feed_empty(), "everything was taken from the consumer");
    assert_eq!(bench.commits(), [], "nothing commits past the slow one");
    sleep(SECOND * 900).await;
    assert_eq!(bench.commits(), [(slot(0), 100)]);
}

#[tokio::test(start_paused = true)]
async fn one_key_has_one_record_in_flight_and_keeps_its_order() {
    let bench = Bench::start_slow(|record| SECOND * (10 - u32::try_from(record.offset).unwrap()));
    bench.assign();
    (0..4).for_each(|offset| bench.receive(record(0, offset, "a")));
    sleep(SECOND * 60).await;
    assert_eq!(bench.handled(), [0, 1, 2, 3], "although each is quicker than the one before it");
}

#[tokio::test(start_paused = true)]
async fn unfinished_work_is_bounded_and_the_bound_never_stops_the_poll() {
    let bench = Bench::start_slow(|_| SECOND * 100);
    bench.assign();
    bench.flood();
    sleep(SECOND).await;
    assert_eq!(bench.budget.held().0, 100, "the bound of this bench");
    assert_eq!(bench.running(), 16, "the most in flight of this bench");
    let answer = bench.revoke();
    sleep(SECOND * 11).await;
    assert_eq!(answer.await, Ok(vec![]), "a full house still answers");
}

#[tokio::test(start_paused = true)]
async fn a_panic_becomes_a_dead_letter_with_everything_untouched() {
    let bench = Bench::start(|_, _| panic!("unforeseen"));
    bench.assign();
    bench.receive(record(0, 7, "a"));
    sleep(SECOND * 2).await;
    let letters = bench.dead.letters();
    let [letter] = letters.as_slice() else { panic!("one letter, not {letters:?}") };
    let sent = record(0, 7, "a");
    assert_eq!((&letter.key, &letter.value), (&sent.key, &sent.value));
    assert_eq!(letter.headers.iter().next(), sent.headers.iter().next(), "its own headers come first");
    let said = |name| letter.headers.get_str(name).unwrap_or_default().to_owned();
    assert_eq!(&*letter.topic, "okr.dead.notifier");
    assert_eq!(said(header::OKR_ORIGINAL_OFFSET), "7");
    assert_eq!(
        (said(header::OKR_DEAD_REASON), said(header::OKR_DEAD_ERROR)),
        ("panic".into(), "unforeseen".into())
    );
    assert_eq!(bench.commits(), [(slot(0), 8)]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_acknowledged_before_its_record_is_finished() {
    let bench = Bench::start(|_, _| Err(Failure::reject("shape", "not ours")));
    bench.dead.refuse(true);
    bench.assign();
    bench.receive(record(0, 0, "a"));
    sleep(SECOND * 600).await;
    assert_eq!(bench.commits(), []);
    assert!(bench.why().unwrap().starts_with("dead letters are not acknowledged"));
    bench.dead.refuse(false);
    sleep(SECOND * 60).await;
    assert_eq!(bench.commits().first(), Some(&(slot(0), 1)));
    assert_eq!((bench.dead.letters().len(), bench.why()), (1, None));
}

#[tokio::test(start_paused = true)]
async fn a_retry_wins_in_the_end_and_a_dead_letter_comes_after_the_last_attempt() {
    let bench = Bench::start(|record, attempt| match record.offset {
        0 if attempt == 3 => Ok(()),
        _ => Err(Failure::retry("busy", "busy")),
    });
    bench.assign();
    bench.receive(record(0, 0, "passes"));
    bench.receive(record(0, 1, "never passes"));
    sleep(SECOND * 300).await;
    assert_eq!(bench.commits().last(), Some(&(slot(0), 2)));
    let letters = bench.dead.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].headers.get_str(header::OKR_DEAD_ATTEMPTS), Some("8"));
}

#[tokio::test(start_paused = true)]
async fn on_revoke_it_drains_commits_and_hands_back() {
    let bench = Bench::start_slow(|_| SECOND * 3);
    bench.assign();
    (0..3).for_each(|offset| bench.receive(record(0, offset, "a")));
    sleep(SECOND).await;
    let answer = bench.revoke();
    assert_eq!(answer.await, Ok(vec![(slot(0), 1)]), "what was under way ended, the rest never began");
    sleep(SECOND * 60).await;
    assert_eq!(bench.handled(), [0]);
    assert_eq!(bench.budget.held(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_finishes_from_an_earlier_assignment_is_ignored() {
    let bench = Bench::start_slow(|_| SECOND * 30);
    bench.assign();
    bench.receive(record(0, 0, "a"));
    sleep(SECOND).await;
    bench.tell(News::Lost(vec![slot(0)]));
    bench.assign();
    bench.receive(record(0, 0, "a"));
    sleep(SECOND * 35).await;
    assert_eq!(bench.handled(), [0], "the first of them ended");
    assert_eq!(bench.commits(), [], "it belonged to the assignment that was lost");
    sleep(SECOND * 30).await;
    assert_eq!(bench.commits(), [(slot(0), 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_work_end_within_the_grace_and_no_longer() {
    let bench = Bench::start_slow(|record| SECOND * if record.offset == 0 { 5 } else { 500 });
    bench.assign();
    bench.receive(record(0, 0, "a"));
    bench.receive(record(0, 1, "b"));
    sleep(SECOND).await;
    let began = tokio::time::Instant::now();
    assert_eq!(bench.stop().await, (End::Left, vec![(slot(0), 1)]));
    assert!(began.elapsed() < SECOND * 11, "the grace is ten seconds");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_stopped_by_itself_commits_nothing_more() {
    let bench = Bench::start(|_, _| Ok(()));
    bench.assign();
    bench.receive(record(0, 0, "a"));
    sleep(SECOND / 2).await;
    bench.tell(News::Stalled("MAXPOLL".to_owned()));
    assert_eq!(bench.ended().await, (End::Stalled, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_halted_role_stays_alive_and_says_why() {
    let bench = Bench::start(|_, _| Err(Failure::halt("migration", "the schema is newer")));
    bench.assign();
    (0..5).for_each(|offset| bench.receive(record(0, offset, "a")));
    sleep(SECOND * 60).await;
    assert_eq!(bench.why().as_deref(), Some("halted: migration: the schema is newer"));
    assert_eq!(bench.revoke().await, Ok(vec![]), "rebalances are answered");
    assert_eq!(bench.stop().await.0, End::Left);
}

#[tokio::test(start_paused = true)]
async fn the_fuse_halts_the_role_instead_of_pouring_the_topic_away() {
    let bench = Bench::start(|_, _| Err(Failure::reject("avro", "not our schema")));
    bench.assign();
    (0..90).for_each(|offset| bench.receive(record(0, offset, &format!("key {offset}"))));
    sleep(SECOND * 60).await;
    assert!(bench.dead.letters().len() <= 20);
    assert!(bench.why().unwrap().starts_with("halted: fuse: 21 records in a row were rejected"));
}

#[tokio::test(start_paused = true)]
async fn readiness_follows_the_group_and_the_broker() {
    let bench = Bench::start(|_, _| Ok(()));
    sleep(SECOND).await;
    assert_eq!(bench.why().as_deref(), Some("waiting for the group to assign partitions"));
    bench.assign();
    sleep(SECOND).await;
    assert_eq!(bench.why(), None);
    bench.broker.send_replace(Some("no answer".to_owned()));
    sleep(SECOND).await;
    assert_eq!(bench.why().as_deref(), Some("broker: no answer"));
    bench.broker.send_replace(None);
    sleep(SECOND).await;
    assert_eq!(bench.why(), None);
}
