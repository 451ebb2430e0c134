//! What a rebuild promises in both homes, and what only a shared database does.

mod away;
mod hindered;
mod log;
mod server;
mod standstill;

use bus::Slot;
use okr::OkrEvent;

use super::run::{make, renew};
use super::{Notice, RebuildError, Rebuilt, abandon};
use crate::migrate::embedded;
use crate::tests::bench::{Behind, Bench};
use crate::tests::history::at;
use crate::tests::reference;
use crate::tests::suite::exact::some;
use crate::{Forget, OpenError, Person, Place, SERVICE, TOPIC, Tables, open};
use log::Log;

/// A warehouse whose file nobody has, where it is one.
struct Home {
    bench: Bench,
}

impl Home {
    /// One of each kind, empty.
    async fn both() -> [Self; 2] {
        let server = Bench::postgres(crate::tests::postgres::database().await).await;
        [Self { bench: server }, Self { bench: Bench::file().await }]
    }

    /// Has it contain what is in the log.
    async fn fill(&mut self, log: &Log) {
        drop(log.member(&self.bench.target).await);
        self.free().await;
    }

    /// Closes the file: another one is opened in its place.
    async fn free(&mut self) {
        if let Behind::File { .. } = self.bench.behind {
            let url = format!("{}.{}", self.bench.place.url, uuid::Uuid::now_v7());
            let aside = Place { url, schema: String::new() };
            self.bench.target = open(&aside, Tables::Migrate).await.unwrap();
        }
    }

    async fn open(&mut self) {
        self.bench.target = open(&self.bench.place, Tables::Expect).await.unwrap();
    }

    async fn rebuild(&self, log: &Log, accepts_loss: bool) -> Result<Rebuilt, RebuildError> {
        rebuild(&self.bench, log, accepts_loss, &|_| {}).await
    }

    async fn run(&self, sql: &str) {
        self.bench.run(sql, sql).await;
    }

    async fn count(&self, table: &str) -> usize {
        self.bench.table(table).await.len()
    }
}

async fn rebuild(
    bench: &Bench,
    log: &Log,
    accepts_loss: bool,
    tell: &(dyn Fn(Notice) + Send + Sync),
) -> Result<Rebuilt, RebuildError> {
    let (mut site, fresh) = make(&bench.place).await?;
    let rebuilt = renew(&mut *site, fresh, log.parts(), (&log.outlook(), accepts_loss), tell).await;
    site.clear().await.unwrap();
    rebuilt
}

/// A history of many batches, late, repeated and corrected.
fn history() -> Vec<(i32, OkrEvent)> {
    some(120).find(|history| history.events.len() > 60).unwrap().events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_damaged_is_as_the_topic_says() {
    for mut home in Home::both().await {
        let log = Log::of(&history());
        log.add(1, None);
        home.fill(&log).await;
        home.run("DELETE FROM okr_events WHERE kafka_offset < 5; DELETE FROM okr_progress_daily").await;
        home.run("UPDATE okr_state SET subject_title = 'damaged', progress = 9; DELETE FROM okr_corrections")
            .await;
        let stood = home.count("okr_sink_offsets").await;
        let rebuilt = home.rebuild(&log, false).await.unwrap();
        assert_eq!(rebuilt.skipped.into_iter().collect::<Vec<_>>(), [("no_event", 1)]);
        assert_eq!((rebuilt.lost, rebuilt.after), (0, home.count("okr_events").await as i64));
        assert!(rebuilt.before < rebuilt.after && rebuilt.records == log.all().len() as u64 + 1);
        reference::check(&home.bench, &log.all()).await.unwrap();
        assert_eq!(home.count("okr_sink_offsets").await, stood);
        // Whoever writes goes on where it stood.
        home.open().await;
        let ends = home.bench.target.offsets().await.unwrap();
        assert_eq!(ends.iter().map(|it| it.next).sum::<i64>() as u64, rebuilt.records);
        log.add(2, Some(at("kr-0", 900, 9_000, 0.75)));
        drop(log.member(&home.bench.target).await);
        reference::check(&home.bench, &log.all()).await.unwrap();
        assert!(!abandon(&home.bench.place).await.is_ok_and(|found| found), "something was left behind");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kafka_no_longer_has_is_kept_until_it_is_given_up() {
    for mut home in Home::both().await {
        let events: Vec<_> =
            (0..20u32).map(|n| ((n % 2) as i32, at(&format!("kr-{}", n % 3), n, n.into(), 0.5))).collect();
        let log = Log::of(&events);
        home.fill(&log).await;
        log.expire(0, 4);
        let refused = home.rebuild(&log, false).await.unwrap_err();
        assert!(matches!(refused, RebuildError::Lost(4)), "{refused}");
        reference::check(&home.bench, &log.all()).await.unwrap();
        let rebuilt = home.rebuild(&log, true).await.unwrap();
        assert_eq!((rebuilt.lost, rebuilt.before, rebuilt.after), (4, 20, 16));
        // Even numbers went to partition 0, and four of them were gone.
        let left = events.iter().enumerate().filter(|(n, _)| n % 2 == 1 || *n >= 8);
        let left: Vec<_> = left.map(|(_, (_, event))| event.clone()).collect();
        reference::check(&home.bench, &left).await.unwrap();
    }
}

/// An older release took it, or a broken one took it wrongly: whoever rebuilds has to know, and to say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_member_took_and_is_no_row_any_more_is_told_apart_and_kept_until_it_is_given_up() {
    for mut home in Home::both().await {
        let events: Vec<_> =
            (0..20u32).map(|n| ((n % 2) as i32, at(&format!("kr-{}", n % 3), n, n.into(), 0.5))).collect();
        let log = Log::of(&events);
        log.add(0, None);
        home.fill(&log).await;
        log.spoil(0, 2);
        log.expire(1, 1);
        let refused = home.rebuild(&log, false).await.unwrap_err();
        let is_told = matches!(&refused, RebuildError::Rejected { rows: 1, expired: 1, such_as, .. } if such_as == "okr.events/0@2");
        assert!(is_told && refused.to_string().contains("2 for no_event"), "{refused}");
        assert_eq!(home.count("okr_events").await, 20);
        let rebuilt = home.rebuild(&log, true).await.unwrap();
        assert_eq!((rebuilt.lost, rebuilt.rejected, rebuilt.before, rebuilt.after), (1, 1, 20, 18));
        let left = events.iter().enumerate().filter(|(n, _)| ![1, 4].contains(n));
        let left: Vec<_> = left.map(|(_, (_, event))| event.clone()).collect();
        reference::check(&home.bench, &left).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_anew_is_not_taken_for_the_one_that_was_read() {
    for mut home in Home::both().await {
        let log = Log::of(&[(0, at("kr", 1, 0, 0.1)), (0, at("kr", 2, 1, 0.2))]);
        home.fill(&log).await;
        let refused = home.rebuild(&log.made_anew(), true).await.unwrap_err();
        assert!(matches!(refused, RebuildError::Elsewhere { partition: 0, .. }), "{refused}");
        reference::check(&home.bench, &log.all()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_topic_that_was_given_up_are_lost_wherever_they_lay() {
    for mut home in Home::both().await {
        let events: Vec<_> =
            (0..20u32).map(|n| (0, at(&format!("kr-{}", n % 3), n, n.into(), 0.5))).collect();
        home.fill(&Log::of(&events)).await;
        home.open().await;
        let slot = Slot::new(TOPIC, 0);
        let standings = home.bench.target.assign(SERVICE, std::slice::from_ref(&slot)).await.unwrap();
        home.bench.target.restart(SERVICE, &slot, standings[0].epoch, standings[0].next).await.unwrap();
        let log = Log::of(&[(0, at("kr-0", 50, 50, 0.6)), (0, at("kr-1", 51, 51, 0.7))]);
        home.fill(&log).await;
        let refused = home.rebuild(&log, false).await.unwrap_err();
        assert!(matches!(refused, RebuildError::Lost(20)), "{refused}");
        assert_eq!(home.count("okr_events").await, 22);
        let rebuilt = home.rebuild(&log, true).await.unwrap();
        assert_eq!((rebuilt.lost, home.count("okr_events").await), (20, 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_whose_record_is_gone_still_holds() {
    for mut home in Home::both().await {
        let corrected = |revision, n| OkrEvent { revision, ..at("kr", n, 0, revision as f64) };
        // The corrected delivery comes once more, late; its correction expires before.
        let log = Log::of(&[(0, corrected(1, 1)), (0, at("kr", 2, 1, 0.5)), (1, corrected(0, 1))]);
        home.fill(&log).await;
        log.expire(0, 1);
        let rebuilt = home.rebuild(&log, true).await.unwrap();
        assert_eq!((rebuilt.lost, rebuilt.after), (1, 1), "what was corrected has come back");
    }
}

/// Their records are on the topic still, and are read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_forgotten_does_not_come_back_with_the_topic() {
    for mut home in Home::both().await {
        let log = Log::of(&history());
        home.fill(&log).await;
        let person = Person { words: vec!["red".to_owned()], ..Person::default() };
        let tally = Forget::open(&home.bench.place, &person).await.unwrap().apply("run 1").await.unwrap();
        assert!(tally.changed > 0, "nobody is called so");
        home.rebuild(&log, false).await.unwrap();
        home.open().await;
        let (list, mut events) = (home.bench.target.erasures().await.unwrap(), log.all());
        for event in &mut events {
            list.erase(event);
        }
        reference::check(&home.bench, &events).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_a_role_has_is_not_rebuilt_under_it() {
    let bench = Bench::file().await;
    let log = Log::of(&[(0, at("kr", 1, 0, 0.1))]);
    let refused = rebuild(&bench, &log, false, &|_| {}).await.unwrap_err();
    assert!(
        matches!(&refused, RebuildError::Open(OpenError::File(why)) if why.contains("stop `okr-router warehouse`")),
        "{refused}"
    );
    // It was said before anything was done.
    let file = bench.place.file().unwrap().unwrap();
    assert!(file.exists() && !file.with_extension("db.rebuild").exists());
    assert_eq!(log.taken(), 0, "records were read for nothing");
    assert!(abandon(&bench.place).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_rebuild_left_is_told_and_taken_away() {
    for mut home in Home::both().await {
        let log = Log::of(&history());
        home.fill(&log).await;
        assert!(!abandon(&home.bench.place).await.unwrap());
        drop(make(&home.bench.place).await.unwrap());
        drop(make(&home.bench.place).await.unwrap());
        assert!(abandon(&home.bench.place).await.unwrap());
        assert!(!abandon(&home.bench.place).await.unwrap());
        reference::check(&home.bench, &log.all()).await.unwrap();
    }
}

#[test]
fn every_table_of_a_generation_is_made_by_the_steps() {
    let steps: String = embedded::STEPS.iter().map(|step| step.sql).collect();
    for table in super::TABLES.iter().chain(&super::SEEDS) {
        assert!(steps.contains(&format!("CREATE TABLE {table} (")), "{table}");
    }
}
