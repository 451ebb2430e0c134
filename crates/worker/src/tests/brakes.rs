//! Halts: kept, shared by the members of a service, ended by a person.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use tokio::time::sleep;

use super::SECOND;
use super::fakes::{Bench, record, slot};
use crate::runtime::End;
use crate::{Brake, Brakes, Failure, Halted};

fn halted(why: &str) -> Halted {
    Halted { why: why.to_owned(), since: Timestamp::UNIX_EPOCH }
}

#[tokio::test(start_paused = true)]
async fn a_tripped_fuse_survives_a_restart() {
    let bench = Bench::start(|_, _| Err(Failure::reject("avro", "not our schema")));
    bench.brakes.down.store(true, Ordering::SeqCst);
    bench.assign();
    (0..30).for_each(|offset| bench.receive(record(0, offset, &format!("key {offset}"))));
    sleep(SECOND * 10).await;
    assert_eq!(*bench.brakes.brake.lock().unwrap(), Brake::default(), "the store is down");
    bench.brakes.down.store(false, Ordering::SeqCst);
    sleep(SECOND * 10).await;
    let left = bench.brakes.brake.lock().unwrap().clone();
    assert!(
        left.halted.as_ref().is_some_and(|halted| halted.why.starts_with("fuse: 21 records")),
        "{left:?}"
    );

    let bench = Bench::start_with(left, |_, _| Ok(()));
    bench.assign();
    bench.receive(record(0, 20, "a"));
    sleep(SECOND).await;
    assert!(bench.why().unwrap().starts_with("halted: fuse: 21 records in a row"));
    assert_eq!((bench.handled(), bench.commits()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_the_fuse_has_counted_survives_a_restart_too() {
    let bench = Bench::start(|_, _| Err(Failure::reject("avro", "not our schema")));
    bench.assign();
    (0..15).for_each(|offset| bench.receive(record(0, offset, "a")));
    sleep(SECOND * 10).await;
    let left = bench.brakes.brake.lock().unwrap().clone();
    assert_eq!((left.halted.clone(), bench.dead.letters().len()), (None, 15));

    let bench = Bench::start_with(left, |_, _| Err(Failure::reject("avro", "not our schema")));
    bench.assign();
    (15..30).for_each(|offset| bench.receive(record(0, offset, "a")));
    sleep(SECOND * 10).await;
    assert_eq!(bench.dead.letters().len(), 5, "twenty in a row are borne, whichever process saw them");
    assert!(bench.why().unwrap().starts_with("halted: fuse: 21 records in a row"));
}

#[tokio::test(start_paused = true)]
async fn a_resumed_service_goes_on_by_itself() {
    let bench = Bench::start_with(Brake { halted: Some(halted("migration")), fuse: vec![] }, |_, _| Ok(()));
    bench.brakes.save("notifier", &Brake { halted: Some(halted("migration")), fuse: vec![] }).await.unwrap();
    bench.assign();
    sleep(SECOND * 10).await;
    assert_eq!(bench.why().as_deref(), Some("halted: migration"));
    bench.brakes.resume("notifier").await.unwrap();
    assert_eq!(bench.ended().await, (End::Resumed, vec![]), "a new member begins afresh");
}

#[tokio::test(start_paused = true)]
async fn where_one_member_halts_all_do() {
    let bench = Bench::start(|_, _| Ok(()));
    bench.assign();
    bench.receive(record(0, 0, "a"));
    sleep(SECOND * 3).await;
    bench.brakes.save("notifier", &Brake { halted: Some(halted("schema")), fuse: vec![] }).await.unwrap();
    sleep(SECOND * 3).await;
    assert_eq!(bench.why().as_deref(), Some("halted: schema"));
    bench.receive(record(0, 1, "a"));
    sleep(SECOND * 3).await;
    assert_eq!((bench.handled(), bench.commits()), (vec![0], vec![(slot(0), 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_halt_of_its_own_is_not_ended_by_an_older_look() {
    let bench = Bench::start(|_, _| Err(Failure::halt("migration", "the schema is newer")));
    bench.assign();
    sleep(SECOND * 3).await;
    bench.receive(record(0, 0, "a"));
    sleep(SECOND * 30).await;
    assert_eq!(bench.why().as_deref(), Some("halted: migration: the schema is newer"));
    assert_eq!(bench.stop().await, (End::Left, vec![]));
}
