//! The runtime of state services over a feed that a test drives and a store in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use boot::House;
use bus::{InRecord, OutRecord, Slot};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::SECOND;
use super::eyes::FakeEyes;
use super::fakes::{FakeBrakes, FakeFeed, FakeLetters, Shared, record, slot};
use crate::batch::Works;
use crate::batch_member::{BatchMember, BatchSight, Told};
use crate::batch_runtime::Resolution;
use crate::batches::{BatchRules, Batches};
use crate::budget::Budget;
use crate::feed::News;
use crate::gaps::{Gap, GapKeeper};
use crate::keeper::Keeper;
use crate::lookout::Lookout;
use crate::runtime::{End, budget};
use crate::{
    Batch, BatchHandler, Brakes, Effects, Failure, FuseConfig, Last, Mark, Progress, ProgressError,
    RetryConfig, Standing, WorkerConfig,
};

/// Contained offsets, standings; how many answers get lost.
#[derive(Default)]
pub struct Memory {
    contained: Mutex<Vec<i64>>,
    pub standings: Mutex<HashMap<Slot, Standing>>,
    losing: AtomicU32,
    /// How many commits fail.
    failing: AtomicU32,
    /// Commits wait.
    pub stuck: AtomicBool,
    /// Commits that wait, by their slots.
    pub waiting: Mutex<Vec<Vec<Slot>>>,
    /// Offsets of records that it does not take.
    refused: Mutex<Vec<i64>>,
}

#[async_trait]
impl Progress for Memory {
    type Changes = Vec<i64>;

    async fn assign(&self, _: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        let mut standings = self.standings.lock().unwrap();
        let raise = |slot: &Slot| {
            let fresh = Standing { slot: slot.clone(), epoch: 0, next: 0, last: None };
            let standing = standings.entry(slot.clone()).or_insert(fresh);
            standing.epoch += 1;
            standing.clone()
        };
        Ok(slots.iter().map(raise).collect())
    }

    async fn standings(&self, _: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        let standings = self.standings.lock().unwrap();
        Ok(slots.iter().filter_map(|slot| standings.get(slot).cloned()).collect())
    }

    async fn restart(&self, _: &str, slot: &Slot, epoch: i64, from: i64) -> Result<(), ProgressError> {
        let mut standings = self.standings.lock().unwrap();
        let standing = standings.get_mut(slot).filter(|at| (at.epoch, at.next) == (epoch, from));
        let standing = standing.ok_or(ProgressError::Outdated)?;
        (standing.next, standing.last) = (0, None);
        Ok(())
    }

    async fn commit(&self, _: &str, batch: &Batch<Vec<i64>>) -> Result<(), ProgressError> {
        if self.stuck.load(Ordering::SeqCst) {
            let slots = batch.marks.iter().map(|mark| mark.slot.clone()).collect();
            self.waiting.lock().unwrap().push(slots);
        }
        while self.stuck.load(Ordering::SeqCst) {
            sleep(SECOND).await;
        }
        let once = |left: u32| left.checked_sub(1);
        if self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, once).is_ok() {
            return Err(ProgressError::Unavailable("disk full".to_owned()));
        }
        let mut standings = self.standings.lock().unwrap();
        for Mark { slot, epoch, from, .. } in &batch.marks {
            let standing = &standings[slot];
            if (standing.epoch, standing.next) != (*epoch, *from) {
                return Err(ProgressError::Outdated);
            }
        }
        if self.refused.lock().unwrap().iter().any(|offset| batch.changes.contains(offset)) {
            return Err(ProgressError::Refused("out of range".to_owned()));
        }
        for Mark { slot, next, last, .. } in &batch.marks {
            let standing = standings.get_mut(slot).unwrap();
            (standing.next, standing.last) = (*next, Some(*last));
        }
        self.contained.lock().unwrap().extend(&batch.changes);
        let lost =
            self.losing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if lost { Err(ProgressError::Unavailable("no answer".to_owned())) } else { Ok(()) }
    }
}

/// Keeps offsets; rejects the key `bad` when it folds, and `unread` when it decodes.
struct Keeping;

#[async_trait]
impl BatchHandler for Keeping {
    type Item = i64;
    type Changes = Vec<i64>;

    async fn decode(&self, record: &InRecord) -> Result<i64, Failure> {
        match record.key.as_deref() {
            Some(b"panic") => panic!("a bug of the handler"),
            Some(b"unread") => Err(Failure::reject("shape", "not ours")),
            _ => Ok(record.offset),
        }
    }

    async fn fold(&self, items: Vec<(&InRecord, i64)>) -> Result<Effects<Vec<i64>>, Failure> {
        if items.iter().any(|(record, _)| record.key.as_deref() == Some(b"bad")) {
            return Err(Failure::reject("contradiction", "one of them is wrong"));
        }
        Ok(Effects {
            changes: items.iter().map(|(_, item)| *item).collect(),
            produce: Vec::<OutRecord>::new(),
        })
    }
}

pub struct Bench {
    pub memory: Arc<Memory>,
    dead: Arc<FakeLetters>,
    pub shared: Arc<Shared>,
    news: UnboundedSender<News>,
    told: Told,
    pub house: House,
    brakes: Arc<FakeBrakes>,
    eyes: FakeEyes,
    broker: watch::Sender<Option<String>>,
    pub gate: Arc<Budget>,
    pub run: JoinHandle<End>,
}

impl Bench {
    pub fn start() -> Self {
        Self::start_with(1, Duration::ZERO)
    }

    pub fn start_with(writers: usize, linger: Duration) -> Self {
        let house = House::new(Arc::new(|| Timestamp::UNIX_EPOCH));
        let (memory, dead) = (Arc::<Memory>::default(), Arc::<FakeLetters>::default());
        let progress: Arc<dyn Progress<Changes = Vec<i64>>> = Arc::<Memory>::clone(&memory);
        let works = Works {
            service: "notifier",
            handler: Keeping,
            progress,
            dead: Arc::<FakeLetters>::clone(&dead),
            clock: house.clock.clone(),
        };
        let rules = BatchRules {
            writers,
            records_max: 100,
            bytes_max: 1 << 20,
            linger,
            survey: SECOND,
            backoff: RetryConfig::default().into(),
            drain_grace: SECOND * 10,
            fuse: FuseConfig::default(),
        };
        let (gate, told) = (budget(&WorkerConfig::default()), Told::default());
        let (news, reports) = unbounded_channel();
        let shared = Arc::<Shared>::default();
        let feed = FakeFeed { news: reports, shared: Arc::clone(&shared), budget: Arc::clone(&gate) };
        let held = Arc::clone(&gate);
        let batches = Batches::new(rules, gate, 7, &[]);
        let mut member = BatchMember::new(Arc::new(works), batches, Arc::clone(&told), &house, None);
        let (brakes, at_home) = (Arc::<FakeBrakes>::default(), house.clone());
        let kept: Arc<dyn Brakes> = Arc::<FakeBrakes>::clone(&brakes);
        let eyes = FakeEyes::default();
        let lookout = Lookout::new("notifier", Arc::new(eyes.clone()), &house, SECOND * 15);
        let leash = lookout.follow(eyes.clone());
        let (tell_broker, broker) = watch::channel(None);
        let run = tokio::spawn(async move {
            let mut asides = JoinSet::new();
            let mut sight = BatchSight {
                broker,
                keeper: Keeper::start("notifier", Some(Arc::clone(&kept)), &mut asides),
                gaps: GapKeeper::start("notifier", Some(kept), &mut asides),
            };
            member.drive(feed, leash, &at_home, &mut sight).await
        });
        Self { memory, dead, shared, news, told, house, brakes, eyes, broker: tell_broker, gate: held, run }
    }

    pub async fn assign(&self) {
        self.assign_all(&[slot(0)]).await;
    }

    pub async fn assign_all(&self, slots: &[Slot]) {
        let standings = self.memory.assign("notifier", slots).await.unwrap();
        self.told.lock().unwrap().extend(standings.into_iter().map(|it| (it.slot.clone(), it)));
        self.tell(News::Assigned(slots.to_vec()));
    }

    pub fn tell(&self, news: News) {
        assert!(self.news.send(news).is_ok());
    }

    pub fn receive(&self, offset: i64, key: &str) {
        self.tell(News::Record(record(0, offset, key)));
    }

    pub fn contained(&self) -> Vec<i64> {
        self.memory.contained.lock().unwrap().clone()
    }

    fn why(&self) -> Option<String> {
        self.house.health.report().checks.get("notifier.consumer").and_then(|check| check.why.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_without_an_answer_is_asked_about_and_not_repeated() {
    let bench = Bench::start();
    bench.memory.losing.store(2, Ordering::SeqCst);
    bench.assign().await;
    (0..4).for_each(|offset| bench.receive(offset, "a"));
    sleep(SECOND * 5).await;
    assert_eq!(bench.contained(), [0, 1, 2, 3]);
    assert_eq!(bench.shared.commits.lock().unwrap().last(), Some(&(slot(0), 4)), "for those who watch lag");
    bench.house.shutdown.cancel();
    assert_eq!(bench.run.await.unwrap(), End::Left);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_or_folded_is_dead_lettered_alone() {
    let bench = Bench::start();
    bench.assign().await;
    let keys = ["a", "unread", "b", "c", "bad", "d"];
    (0..).zip(keys).for_each(|(offset, key)| bench.receive(offset, key));
    sleep(SECOND * 60).await;
    assert_eq!(bench.contained(), [0, 2, 3, 5]);
    assert_eq!((bench.dead.letters().len(), bench.why()), (2, None));
}

#[tokio::test(start_paused = true)]
async fn what_the_store_does_not_take_is_dead_lettered_alone_and_every_letter_once() {
    let bench = Bench::start();
    bench.memory.refused.lock().unwrap().extend([3, 9]);
    bench.assign().await;
    // What cannot be read is buried before the store refuses its neighbours.
    let keys = ["unread", "a", "b", "c", "d", "unread", "e", "a", "b", "c", "unread"];
    (0..).zip(keys).for_each(|(offset, key)| bench.receive(offset, key));
    sleep(SECOND * 60).await;
    assert_eq!(bench.contained(), [1, 2, 4, 6, 7, 8]);
    let header = |letter: &OutRecord, name: &str| {
        let found = letter.headers.iter().find(|(known, _)| *known == name);
        String::from_utf8(found.unwrap().1.unwrap().to_vec()).unwrap()
    };
    let letters = bench.dead.letters();
    let mut letters: Vec<(i64, String)> = letters
        .iter()
        .map(|letter| {
            (header(letter, "okr-original-offset").parse().unwrap(), header(letter, "okr-dead-reason"))
        })
        .collect();
    letters.sort();
    let expected = [(0, "shape"), (3, "refused"), (5, "shape"), (9, "refused"), (10, "shape")];
    assert_eq!(letters, expected.map(|(offset, reason)| (offset, reason.to_owned())));
    assert_eq!(bench.why(), None);
}

#[tokio::test(start_paused = true)]
async fn a_letter_is_not_buried_again_with_a_batch_that_did_not_happen() {
    let bench = Bench::start();
    bench.memory.failing.store(3, Ordering::SeqCst);
    bench.assign().await;
    (0..).zip(["a", "unread", "b"]).for_each(|(offset, key)| bench.receive(offset, key));
    sleep(SECOND * 60).await;
    assert_eq!((bench.contained(), bench.dead.letters().len()), (vec![0, 2], 1));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_lost_its_epoch_gives_the_slot_up() {
    let bench = Bench::start();
    bench.assign().await;
    bench.receive(0, "a");
    sleep(SECOND).await;
    bench.memory.assign("notifier", &[slot(0)]).await.unwrap();
    bench.receive(1, "a");
    sleep(SECOND * 60).await;
    assert_eq!((bench.contained(), bench.why()), (vec![0], None), "another has it");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_was_made_anew_halts_the_service() {
    let bench = Bench::start();
    bench.assign().await;
    (0..3).for_each(|offset| bench.receive(offset, "a"));
    sleep(SECOND).await;
    bench.tell(News::Lost(vec![slot(0)]));
    bench.assign().await;
    bench.receive(2, "another record");
    sleep(SECOND * 5).await;
    let gap =
        Gap { slot: slot(0), from: 3, found: 2, why: "the last record is not the one that was read".into() };
    assert_eq!(*bench.brakes.gaps.lock().unwrap(), [gap], "for a person to accept");
    assert!(bench.why().unwrap().starts_with("halted: gap: okr.events/0@2: the last record is not the one"));
    assert_eq!(bench.contained(), [0, 1, 2]);
}

/// The memory of progress knows nothing of gaps, as one that is no database of the store.
#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_spent_wherever_progress_is_kept() {
    let (memory, brakes) = (Arc::<Memory>::default(), Arc::<FakeBrakes>::default());
    let store =
        Resolution { service: "warehouse", progress: Arc::clone(&memory), brakes: Some(brakes.clone()) };
    let stands = |next, last| {
        memory.standings.lock().unwrap().insert(slot(0), Standing { slot: slot(0), epoch: 1, next, last });
    };
    let last = Some(Last::of(&record(0, 4, "a")));
    stands(5, last);
    let gap = |from| Gap { slot: slot(0), from, found: 9, why: "gone".into() };
    brakes.gaps.lock().unwrap().push(gap(5));
    let begun = store.assign(&[slot(0), slot(1)]).await.unwrap();
    assert_eq!((begun[0].next, begun[0].last), (0, None));
    // It grows to the same offset, where something else is lost: that is another gap.
    stands(5, last);
    assert_eq!(store.assign(&[slot(0)]).await.unwrap()[0].next, 5);
    brakes.gaps.lock().unwrap().push(gap(4));
    assert_eq!(store.assign(&[slot(0)]).await.unwrap()[0].next, 5, "it stands elsewhere");
    assert_eq!(*brakes.gaps.lock().unwrap(), []);
    brakes.gaps.lock().unwrap().push(gap(5));
    assert_eq!(store.assign(&[slot(1)]).await.unwrap()[0].next, 0);
    assert_eq!(*brakes.gaps.lock().unwrap(), [gap(5)], "it is another member's");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_costs_one_record_and_not_the_service() {
    let bench = Bench::start();
    bench.assign().await;
    (0..).zip(["a", "panic", "b"]).for_each(|(offset, key)| bench.receive(offset, key));
    sleep(SECOND * 60).await;
    assert_eq!(bench.contained(), [0, 2]);
    let letter = bench.dead.letters().pop().unwrap();
    let reason = letter.headers.iter().find(|(name, _)| *name == "okr-dead-reason").unwrap().1.cloned();
    assert_eq!(reason.as_deref(), Some(b"panic".as_slice()));
}

#[tokio::test(start_paused = true)]
async fn trouble_around_the_records_dead_letters_none_of_them() {
    let bench = Bench::start();
    bench.assign().await;
    bench.dead.refuse(true);
    bench.receive(0, "unread");
    (1..4).for_each(|offset| bench.receive(offset, "down"));
    sleep(SECOND * 600).await;
    assert_eq!((bench.contained(), bench.dead.letters().len()), (vec![], 0));
    assert!(bench.why().unwrap().starts_with("dead letters are not acknowledged"), "{:?}", bench.why());
    bench.dead.refuse(false);
    sleep(SECOND * 60).await;
    assert_eq!(bench.dead.letters().len(), 1, "the one that cannot be read, and no other");
    assert_eq!((bench.contained(), bench.why()), (vec![1, 2, 3], None));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_gone_is_said_by_readyz() {
    let bench = Bench::start();
    bench.assign().await;
    bench.broker.send_replace(Some("no answer".to_owned()));
    sleep(SECOND).await;
    assert_eq!(bench.why().as_deref(), Some("broker: no answer"));
    bench.broker.send_replace(None);
    sleep(SECOND).await;
    assert_eq!(bench.why(), None);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_fetches_nothing_is_replaced() {
    let bench = Bench::start();
    bench.assign().await;
    bench.eyes.place(0, 1);
    sleep(SECOND * 60).await;
    assert!(bench.run.is_finished());
    assert_eq!(bench.run.await.unwrap(), End::Stalled);
}
