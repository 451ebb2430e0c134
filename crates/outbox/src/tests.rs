//! The engine over a queue, destinations and dead letters in memory; time stands still unless waited for.

mod doubt;
mod exchange;
mod fakes;
mod full;
mod hour;
mod memory;
mod traces;
mod vigil;

use std::sync::atomic::Ordering;
use std::time::Duration;

use boot::{Rate, Span};
use bus::header;
use tokio::time::sleep;

use crate::tests::fakes::{Bench, parcel, passing, permanent, quick};
use crate::{OutboxConfig, Outcome, Planned};

const SECOND: Duration = Duration::from_secs(1);
const FREE: Rate = Rate::NONE;

#[tokio::test(start_paused = true)]
async fn what_is_planned_is_delivered_once_and_marked() {
    let bench = Bench::start(&[("a", FREE)]);
    bench.plan("a", "kr", 0..20).await;
    sleep(SECOND).await;
    let expected: Vec<String> = (0..20).map(|text: u32| text.to_string()).collect();
    assert_eq!(bench.texts("a"), expected, "in the order of their subject");
    assert!(bench.queue.ends().iter().all(|end| *end == Some(Outcome::Done)));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_plan_is_known_and_not_sent_again() {
    let bench = Bench::start(&[("a", FREE)]);
    bench.plan("a", "kr", 0..1).await;
    sleep(SECOND).await;
    let planned = bench.engine.plan(vec![parcel("a", "kr", "0")]).await.unwrap();
    assert_eq!(planned, Planned { new: 0, known: 1 });
    sleep(SECOND * 10).await;
    assert_eq!(bench.texts("a"), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_delays_no_other() {
    let bench = Bench::start(&[("hangs", FREE), ("well", FREE)]);
    bench.script("hangs", |_| (SECOND * 10_000, Ok(())));
    for subject in 0..40 {
        bench.plan("hangs", &format!("kr {subject}"), 0..1).await;
        bench.plan("well", &format!("kr {subject}"), 0..1).await;
    }
    sleep(SECOND).await;
    assert_eq!(bench.texts("well").len(), 40);
    assert_eq!(bench.texts("hangs").len(), 8, "its concurrency");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_takes_few_rows_into_memory() {
    let bench = Bench::start(&[("hangs", FREE), ("well", FREE)]);
    bench.script("hangs", |_| (SECOND * 10_000, Ok(())));
    for subject in 0..300 {
        bench.plan("hangs", &format!("kr {subject}"), 0..1).await;
        bench.plan("well", &format!("kr {subject}"), 0..1).await;
    }
    sleep(SECOND).await;
    assert_eq!(bench.texts("well").len(), 300);
    let taken = bench.queue.rows().iter().filter(|row| row.is_leased()).count();
    assert!((8..=40).contains(&taken), "{taken} rows are taken");
}

#[tokio::test(start_paused = true)]
async fn large_rows_are_taken_only_as_far_as_memory_goes() {
    let bench = Bench::start(&[("hangs", FREE)]);
    bench.script("hangs", |_| (SECOND * 10_000, Ok(())));
    for subject in 0..24 {
        let large = parcel("hangs", &format!("kr {subject}"), &"x".repeat(4 << 20));
        bench.engine.plan(vec![large]).await.unwrap();
    }
    sleep(SECOND).await;
    let taken = bench.queue.rows().iter().filter(|row| row.is_leased()).count();
    assert!((2..=9).contains(&taken), "{taken} rows of 4 MiB are taken, 32 MiB in all");
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_exactly() {
    let bench = Bench::start(&[("slack", Rate::per_second(1.0))]);
    for subject in 0..10 {
        bench.plan("slack", &format!("kr {subject}"), 0..1).await;
    }
    sleep(SECOND * 30).await;
    let moments: Vec<Duration> = bench.seen("slack").into_iter().map(|(at, _, _)| at).collect();
    assert_eq!(moments.len(), 10);
    let gaps: Vec<Duration> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= SECOND && *gap < SECOND + SECOND / 10), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_delivery_comes_again_by_the_schedule_and_its_subject_waits_for_it() {
    let bench = Bench::start(&[("a", FREE)]);
    bench.script("a", |shipment| {
        let is_first = shipment.subject_key == "kr" && shipment.text.as_deref() == Some("0");
        let fails = is_first && shipment.attempt < 3;
        (Duration::ZERO, if fails { Err(passing(None)) } else { Ok(()) })
    });
    bench.plan("a", "kr", 0..2).await;
    bench.plan("a", "other", 0..1).await;
    sleep(SECOND * 60).await;
    let seen: Vec<(u64, String, String)> =
        bench.seen("a").into_iter().map(|(at, subject, text)| (at.as_secs(), subject, text)).collect();
    assert_eq!(seen[1].1, "other", "another subject goes on at once");
    assert_eq!(
        seen.iter().filter(|(_, subject, _)| subject == "kr").map(|seen| &*seen.2).collect::<Vec<_>>(),
        ["0", "0", "0", "1"]
    );
    assert!((4..=6).contains(&seen[2].0), "five seconds, give or take a fifth");
    assert!((28..=43).contains(&seen[3].0), "thirty more, not at {}", seen[3].0);
}

#[tokio::test(start_paused = true)]
async fn retry_after_holds_the_whole_target() {
    let bench = Bench::start(&[("a", FREE)]);
    bench.script("a", |shipment| {
        let limited = shipment.subject_key == "first" && shipment.attempt == 1;
        (Duration::ZERO, if limited { Err(passing(Some(SECOND * 60))) } else { Ok(()) })
    });
    bench.plan("a", "first", 0..1).await;
    sleep(SECOND).await;
    bench.plan("a", "second", 0..1).await;
    sleep(SECOND * 55).await;
    assert_eq!(bench.seen("a").len(), 1);
    sleep(SECOND * 10).await;
    assert_eq!(bench.seen("a").len(), 3);
    assert!(bench.seen("a")[1].0 >= SECOND * 60);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_good_is_one_dead_letter_for_that_target() {
    let bench = Bench::start(&[("gone", FREE), ("well", FREE)]);
    bench.script("gone", |_| (Duration::ZERO, Err(permanent())));
    bench.plan("gone", "kr", 0..1).await;
    bench.plan("well", "kr", 0..1).await;
    sleep(SECOND * 10).await;
    let letters = bench.letters();
    assert_eq!(letters.len(), 1);
    let said = |name| letters[0].headers.get_str(name).unwrap_or_default().to_owned();
    assert_eq!(&*letters[0].topic, "okr.dead.notifier");
    assert_eq!(
        (said(header::OKR_DEAD_TARGET), said(header::OKR_DEAD_REASON)),
        ("gone".into(), "status_404".into())
    );
    assert_eq!(said(header::OKR_ORIGINAL_OFFSET), "9");
    assert_eq!(letters[0].headers.get_str("ce_id"), Some("1"));
    assert_eq!(bench.texts("well"), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_acknowledged_before_the_row_is_marked_dead() {
    let bench = Bench::start(&[("gone", FREE)]);
    bench.script("gone", |_| (Duration::ZERO, Err(permanent())));
    bench.dead.refuses.store(true, Ordering::SeqCst);
    bench.plan("gone", "kr", 0..1).await;
    sleep(SECOND * 120).await;
    assert_eq!(bench.queue.ends(), [None]);
    bench.dead.refuses.store(false, Ordering::SeqCst);
    sleep(SECOND * 120).await;
    assert!(matches!(bench.queue.ends()[..], [Some(Outcome::Dead { .. })]));
    assert_eq!(bench.letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn attempts_used_up_become_a_dead_letter_and_the_subject_goes_on() {
    let bench = Bench::start_with(&[("a", FREE)], quick(3));
    bench.script("a", |shipment| {
        (Duration::ZERO, if shipment.text.as_deref() == Some("0") { Err(passing(None)) } else { Ok(()) })
    });
    bench.plan("a", "kr", 0..2).await;
    sleep(SECOND * 20).await;
    assert_eq!(bench.texts("a"), ["0", "0", "0", "1"]);
    assert_eq!(bench.letters()[0].headers.get_str(header::OKR_DEAD_ATTEMPTS), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_leaves_a_failing_target_alone_and_probes_it() {
    let bench = Bench::start(&[("a", FREE)]);
    bench.script("a", |_| (Duration::ZERO, Err(passing(None))));
    for subject in 0..50 {
        bench.plan("a", &format!("kr {subject}"), 0..1).await;
    }
    sleep(SECOND * 9).await;
    let at_first = bench.seen("a").len();
    assert!(
        at_first <= 4 + 8,
        "{at_first} reached it before the fifth failure: four, and what was under way"
    );
    sleep(SECOND * 4).await;
    assert_eq!(bench.seen("a").len(), at_first + 1, "one probe");
    bench.script("a", |_| (Duration::ZERO, Ok(())));
    sleep(SECOND * 120).await;
    assert!(bench.queue.ends().iter().all(|end| *end == Some(Outcome::Done)), "nothing was lost");
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_down_it_waits_and_nothing_is_sent_twice() {
    let bench = Bench::start(&[("a", FREE)]);
    bench.script("a", |_| (SECOND, Ok(())));
    bench.plan("a", "kr", 0..3).await;
    sleep(SECOND / 2).await;
    bench.queue.set_down(true);
    sleep(SECOND * 300).await;
    assert_eq!(bench.texts("a"), ["0"], "delivered, and its mark waits beyond the lease");
    assert!(!bench.house.health.is_ready());
    bench.queue.set_down(false);
    sleep(SECOND * 60).await;
    assert_eq!(bench.texts("a"), ["0", "1", "2"]);
    assert!(bench.house.health.is_ready());
}

#[tokio::test(start_paused = true)]
async fn what_is_delivered_and_not_marked_is_never_more_than_a_target_has_places() {
    let bench = Bench::start(&[("a", FREE)]);
    bench.script("a", |_| (SECOND / 10, Ok(())));
    for subject in 0..400 {
        bench.plan("a", &format!("kr {subject}"), 0..1).await;
    }
    sleep(SECOND * 2).await;
    bench.queue.set_down(true);
    sleep(SECOND * 30).await;
    let marked = bench.queue.ends().iter().flatten().count();
    let delivered = bench.texts("a").len();
    assert!(marked > 8 && delivered < 400, "{marked} of {delivered} are marked");
    assert_eq!(delivered - marked, 8, "its concurrency");
    bench.queue.set_down(false);
    sleep(SECOND * 60).await;
    assert_eq!(bench.texts("a").len(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_delivery_ends_with_its_lease_and_is_tried_again() {
    let bench = Bench::start(&[("a", FREE)]);
    bench.script("a", |shipment| {
        (if shipment.attempt == 1 { SECOND * 10_000 } else { Duration::ZERO }, Ok(()))
    });
    bench.plan("a", "kr", 0..1).await;
    sleep(SECOND * 90).await;
    assert_eq!(bench.texts("a"), ["0", "0"]);
    assert_eq!(bench.queue.ends(), [Some(Outcome::Done)]);
}

#[tokio::test(start_paused = true)]
async fn what_another_member_holds_is_left_to_it() {
    let bench = Bench::start(&[("theirs", FREE)]);
    bench.queue.withheld.lock().unwrap().insert("theirs".to_owned());
    sleep(SECOND * 30).await;
    bench.plan("theirs", "kr", 0..1).await;
    sleep(SECOND * 30).await;
    assert_eq!(bench.seen("theirs").len(), 0);
    bench.queue.withheld.lock().unwrap().clear();
    sleep(SECOND * 30).await;
    assert_eq!(bench.texts("theirs"), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn rows_that_another_process_planned_are_found_by_the_poll() {
    let bench = Bench::start(&[("a", FREE)]);
    sleep(SECOND * 10).await;
    crate::Queue::plan(&*bench.queue, vec![parcel("a", "kr", "0")]).await.unwrap();
    sleep(SECOND * 3).await;
    assert_eq!(bench.texts("a"), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn an_idle_engine_leaves_the_store_alone() {
    let bench = Bench::start(&[("a", FREE), ("b", FREE)]);
    sleep(SECOND * 10).await;
    let before = bench.queue.takes.load(Ordering::SeqCst);
    sleep(SECOND * 600).await;
    let takes = bench.queue.takes.load(Ordering::SeqCst) - before;
    assert!(takes <= 40, "{takes} takes in ten minutes: one per renewed lease is enough");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_dead_lettered_and_not_sent() {
    let config = OutboxConfig { age_max: Span::seconds(60), ..OutboxConfig::default() };
    let bench = Bench::start_with(&[("a", FREE)], config);
    sleep(SECOND * 100).await;
    bench.plan("a", "kr", 0..1).await;
    let mut named = parcel("a", "kr", "asked for");
    named.effect.replay_id = "again".to_owned();
    bench.engine.plan(vec![named]).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(bench.texts("a"), ["asked for"], "a replay names it");
    assert_eq!(bench.letters()[0].headers.get_str(header::OKR_DEAD_REASON), Some("expired"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_deliveries_end_marks_them_and_gives_leases_back() {
    let bench = Bench::start(&[("a", FREE)]);
    bench.script("a", |_| (SECOND * 3, Ok(())));
    bench.plan("a", "kr", 0..3).await;
    sleep(SECOND).await;
    bench.house.shutdown.cancel();
    bench.run.await.unwrap().unwrap();
    assert_eq!(bench.queue.ends(), [Some(Outcome::Done), None, None]);
    assert!(bench.queue.released.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_back_what_was_taken_and_not_begun() {
    let bench = Bench::start(&[("slack", Rate::per_second(0.5))]);
    for subject in 0..5 {
        bench.plan("slack", &format!("kr {subject}"), 0..1).await;
    }
    sleep(SECOND).await;
    bench.house.shutdown.cancel();
    bench.run.await.unwrap().unwrap();
    let rows = bench.queue.rows();
    assert_eq!(rows.iter().filter(|row| row.end.is_some()).count(), 1);
    assert!(rows.iter().all(|row| !row.is_leased()), "another member may go on at once");
    assert!(rows[1..].iter().all(|row| row.attempt == 0), "what was not begun counts no attempt");
}

#[tokio::test(start_paused = true)]
async fn a_panicking_destination_becomes_a_dead_letter() {
    let bench = Bench::start(&[("a", FREE)]);
    bench.script("a", |_| panic!("unforeseen"));
    bench.plan("a", "kr", 0..1).await;
    sleep(SECOND).await;
    assert_eq!(bench.letters()[0].headers.get_str(header::OKR_DEAD_REASON), Some("panic"));
}

#[test]
fn the_listed_defaults_are_the_real_ones() {
    let listed: String =
        crate::KEYS.iter().map(|key| format!("{} = {}\n", key.path, key.default.unwrap())).collect();
    let listed: toml::Table = toml::from_str(&listed).unwrap();
    let read: OutboxConfig = listed["outbox"].clone().try_into().unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", OutboxConfig::default()));
}
