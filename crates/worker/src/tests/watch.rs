//! A consumer that silently stopped is noticed within thirty seconds.

use boot::House;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::SECOND;
use super::eyes::FakeEyes;
use super::fakes::{Bench, record};
use crate::lookout::Lookout;
use crate::runtime::End;

#[tokio::test(start_paused = true)]
async fn a_feed_that_withholds_its_records_is_noticed_and_its_member_replaced() {
    let bench = Bench::start(|_, _| Ok(()));
    bench.assign();
    bench.receive(record(0, 4, "a"));
    bench.eyes.place(5, 5);
    sleep(SECOND * 600).await;
    assert_eq!(bench.watchdog(), None, "an idle consumer is well");
    bench.eyes.place(5, 9);
    let began = Instant::now();
    let (house, (end, _)) = bench.finished().await;
    assert_eq!(end, End::Stalled, "so that a new member joins");
    assert!(began.elapsed() <= SECOND * 30, "noticed only after {:?}", began.elapsed());
    let report = house.health.report();
    assert!(!report.ready);
    let why = report.checks["notifier.watchdog"].why.as_deref();
    assert_eq!(why, Some("records wait in okr.events/0 and do not come"));
    assert!(report.checks["notifier.consumer"].why.as_deref().unwrap().starts_with("stalled: records wait"));
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_stands_still_and_a_lost_membership_are_noticed_too() {
    for (freezes, why) in [(true, "polls Kafka stands still"), (false, "goes on without this member")] {
        let bench = Bench::start(|_, _| Ok(()));
        bench.assign();
        bench.eyes.place(5, 5);
        sleep(SECOND * 60).await;
        assert_eq!(bench.watchdog(), None);
        {
            let mut scene = bench.eyes.scene.lock().unwrap();
            (scene.is_frozen, scene.is_unknown) = (freezes, !freezes);
        }
        let began = Instant::now();
        let (house, (end, _)) = bench.finished().await;
        assert_eq!(end, End::Stalled);
        assert!(began.elapsed() <= SECOND * 30, "noticed only after {:?}", began.elapsed());
        let told = house.health.report().checks["notifier.watchdog"].why.clone();
        assert!(told.as_deref().is_some_and(|told| told.contains(why)), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_away_replaces_nobody() {
    let bench = Bench::start(|_, _| Ok(()));
    bench.assign();
    bench.eyes.place(5, 9);
    bench.eyes.scene.lock().unwrap().is_broker_down = true;
    sleep(SECOND * 3_600).await;
    assert_eq!(bench.watchdog(), None);
    assert_eq!(bench.stop().await.0, End::Left);
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_stands_still_is_told_and_not_replaced() {
    let house = House::new(std::sync::Arc::new(|| Timestamp::UNIX_EPOCH));
    let eyes = FakeEyes::default();
    let lookout = Lookout::new("notifier", std::sync::Arc::new(eyes.clone()), &house, SECOND * 15);
    let leash = lookout.follow(eyes);
    let why = || house.health.report().checks["notifier.watchdog"].why.clone();
    for _ in 0..20 {
        leash.turned();
        sleep(SECOND * 5).await;
    }
    assert_eq!(why(), None);
    sleep(SECOND * 30).await;
    assert!(why().unwrap().starts_with("the runtime stands still"));
    assert_eq!(leash.trouble(), None, "a new member would be driven by the same task");
    for _ in 0..3 {
        leash.turned();
        sleep(SECOND * 5).await;
    }
    assert_eq!(why(), None, "it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_new_member_is_not_well_before_it_gets_on_and_has_more_time() {
    let house = House::new(std::sync::Arc::new(|| Timestamp::UNIX_EPOCH));
    let eyes = FakeEyes::default();
    let lookout = Lookout::new("notifier", std::sync::Arc::new(eyes.clone()), &house, SECOND * 15);
    let why = || house.health.report().checks["notifier.watchdog"].why.clone();
    eyes.place(5, 9);
    let mut taken = Vec::new();
    for _ in 0..3 {
        let (leash, began) = (lookout.follow(eyes.clone()), Instant::now());
        while leash.trouble().is_none() {
            leash.turned();
            sleep(SECOND).await;
        }
        assert_eq!(why().as_deref(), Some("records wait in okr.events/0 and do not come"));
        taken.push(began.elapsed());
    }
    assert!(taken[0] <= SECOND * 20, "{taken:?}");
    assert!(
        taken[1] > taken[0] && taken[2] > taken[1] + SECOND * 20,
        "{taken:?}: a rejoin disturbs the others"
    );
    let leash = lookout.follow(eyes.clone());
    eyes.place(9, 9);
    for _ in 0..3 {
        leash.turned();
        sleep(SECOND * 5).await;
    }
    assert_eq!(why(), None, "it has got what waited");
}
