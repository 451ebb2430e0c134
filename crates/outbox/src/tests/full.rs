//! A target that has as many unfinished rows as it may have: what comes is a dead letter, once, and nothing else.

use std::sync::atomic::Ordering;

use bus::header;
use tokio::time::sleep;

use crate::tests::fakes::{Bench, parcel};
use crate::tests::{FREE, SECOND};
use crate::{Outcome, Planned};

/// `full` hangs and has its fifty rows; `well` has none.
async fn bench() -> Bench {
    let bench = Bench::start(&[("full", FREE), ("well", FREE)]);
    bench.script("full", |_| (SECOND * 10_000, Ok(())));
    bench.plan("full", "kr", 0..50).await;
    sleep(SECOND * 15).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_full_target_dead_letters_what_comes_and_holds_up_nobody() {
    let bench = bench().await;
    bench.plan("full", "kr", 50..51).await;
    bench.plan("well", "kr", 50..51).await;
    sleep(SECOND).await;
    assert_eq!(bench.letters()[0].headers.get_str(header::OKR_DEAD_REASON), Some("target_full"));
    assert_eq!(bench.texts("well"), ["50"]);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_down_nothing_is_dead_lettered_however_often_the_record_comes() {
    let bench = bench().await;
    let record = || vec![parcel("full", "kr", "50"), parcel("well", "kr", "50")];
    bench.queue.set_down(true);
    for _ in 0..5 {
        bench.engine.plan(record()).await.unwrap_err();
    }
    assert_eq!(bench.letters().len(), 0, "the letter comes after the rows");
    bench.queue.set_down(false);
    bench.engine.plan(record()).await.unwrap();
    bench.engine.plan(record()).await.unwrap();
    sleep(SECOND * 5).await;
    assert_eq!((bench.letters().len(), bench.texts("well").len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_dead_lettered_is_not_delivered_when_its_record_comes_again() {
    let bench = bench().await;
    bench.plan("full", "kr", 50..51).await;
    assert_eq!(bench.letters().len(), 1);
    bench.script("full", |_| (SECOND / 100, Ok(())));
    sleep(SECOND * 600).await;
    assert_eq!(bench.queue.ends(), vec![Some(Outcome::Done); 50], "it has room again");
    let planned = bench.engine.plan(vec![parcel("full", "kr", "50")]).await.unwrap();
    sleep(SECOND * 10).await;
    assert_eq!(planned, Planned { new: 0, known: 1 });
    assert!(!bench.texts("full").contains(&"50".to_owned()), "its letter was its end");
    assert_eq!(bench.letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_planned_is_not_dead_lettered_when_its_record_comes_again() {
    let bench = bench().await;
    let planned = bench.engine.plan(vec![parcel("full", "kr", "7")]).await.unwrap();
    assert_eq!((planned, bench.letters().len()), (Planned { new: 0, known: 1 }, 0), "its row is still there");
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_is_not_acknowledged_comes_again_with_its_record() {
    let bench = bench().await;
    bench.dead.refuses.store(true, Ordering::SeqCst);
    bench.engine.plan(vec![parcel("full", "kr", "50")]).await.unwrap_err();
    bench.dead.refuses.store(false, Ordering::SeqCst);
    bench.engine.plan(vec![parcel("full", "kr", "50")]).await.unwrap();
    assert_eq!(bench.letters().len(), 1, "it was not claimed before the acknowledgement");
}

#[tokio::test(start_paused = true)]
async fn of_two_letters_the_acknowledged_one_is_not_sent_again() {
    let bench = bench().await;
    let record = || vec![parcel("full", "kr", "50"), parcel("full", "kr", "51"), parcel("full", "kr", "50")];
    *bench.dead.room.lock().unwrap() = Some(1);
    bench.engine.plan(record()).await.unwrap_err();
    *bench.dead.room.lock().unwrap() = None;
    bench.engine.plan(record()).await.unwrap();
    assert_eq!(bench.letters().len(), 2, "one each");
}
