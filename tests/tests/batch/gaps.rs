//! Records that are gone before they were read, and a topic that was made anew: the service halts, over `resume` too,
//! until a person accepts that.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use boot::{House, system_clock};
use okr_tests::{Folder, Kafka, kafka, until};
use store::Store;
use tokio::task::JoinHandle;
use worker::{Brakes, Gap};

use crate::{
    evidence::{added, all_contained, read, sums_are},
    member,
    sums::{SERVICE, Sum},
    world::{SOON, World},
};

/// A service with one member at a time, as a task, on a file.
struct Case {
    kafka: &'static Kafka,
    world: World,
    store: Arc<Store>,
    _folder: Folder,
}

struct Member {
    house: House,
    work: JoinHandle<Result<()>>,
}

impl Member {
    /// Why it is not well.
    fn why(&self) -> Option<String> {
        self.house.health.report().checks.get("batch.consumer").and_then(|check| check.why.clone())
    }

    async fn halted(&self) -> Result<String> {
        let halted = async || self.why().filter(|why| why.starts_with("halted: gap: "));
        until("a halt", SOON, halted).await.with_context(|| format!("{:?}", self.why()))
    }

    async fn stop(self) -> Result<()> {
        self.house.shutdown.cancel();
        self.work.await?
    }
}

impl Case {
    async fn start(topic: &str) -> Result<Self> {
        let (kafka, folder) = (kafka().await?, Folder::new(topic)?);
        let url = format!("file:{}", folder.join("state.db").display());
        let store = Store::open(&url, system_clock()).await?;
        Ok(Self {
            kafka,
            world: World::start(kafka.address(), &url, topic, 2).await?,
            store,
            _folder: folder,
        })
    }

    fn member(&self) -> Member {
        let (orders, store, house) =
            (self.world.orders.clone(), self.store.clone(), House::new(system_clock()));
        let at_home = house.clone();
        Member { house, work: tokio::spawn(async move { member::work(&orders, store, at_home).await }) }
    }

    /// Resumed, it halts again for the same reason; what it is halted for.
    async fn halts_over_resume(&self, member: &Member, gaps: usize) -> Result<Vec<Gap>> {
        let mut found = Vec::new();
        for _ in 0..2 {
            let why = member.halted().await?;
            let kept = async || {
                let gaps = self.store.gaps(SERVICE, false).await.ok().filter(|found| found.len() == gaps)?;
                self.store.load(SERVICE).await.ok()?.halted.map(|_| gaps)
            };
            found = until("the halt and its gaps in the store", SOON, kept).await.context(why)?;
            self.store.resume(SERVICE).await?;
            until("the halt's end", SOON, async || self.why_is_new(member)).await?;
        }
        member.halted().await?;
        Ok(found)
    }

    fn why_is_new(&self, member: &Member) -> Option<()> {
        member.why().is_none_or(|why| !why.starts_with("halted")).then_some(())
    }

    async fn accept(&self) -> Result<()> {
        let halted = async || self.store.load(SERVICE).await.ok()?.halted;
        until("the halt in the store", SOON, halted).await?;
        let kept = async || self.store.gaps(SERVICE, false).await.ok().filter(|gaps| !gaps.is_empty());
        until("its gaps", SOON, kept).await?;
        self.store.accept_gaps(SERVICE).await?;
        self.store.resume(SERVICE).await?;
        Ok(())
    }
}

/// Both, one after the other.
fn both(one: &[bus::InRecord], other: &[bus::InRecord]) -> std::collections::BTreeMap<String, Sum> {
    added(&[one, other].concat()).0
}

/// The tests of this file count on one recorder, one after the other.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// How many gaps were told so far.
fn gaps_counted() -> u64 {
    let page = boot::metrics_handle().render();
    let line = page.lines().find_map(|line| line.strip_prefix("okr_worker_gaps_total{service=\"batch\"} "));
    line.and_then(|value| value.parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_anew_halts_until_a_person_accepts_it() -> Result<()> {
    let _turn = TURN.lock().await;
    let case = Case::start("batch.anew").await?;
    let (world, topic) = (&case.world, case.world.orders.topic.clone());
    world.produce(0..200).await?;
    let member = case.member();
    all_contained(world, &case.store).await?;
    member.stop().await?;
    let old = read(world, &topic).await?;
    world.admin.delete(&topic).await?;
    until("a new topic", SOON, async || {
        let states = world.admin.describe(&[&topic]).await.ok()?;
        if !states.is_empty() {
            return None; // Not gone yet.
        }
        world.create(&topic, 2).await.ok()
    })
    .await?;
    // Longer than the old one, so that every old offset is there again, with another record.
    world.produce(1_000..1_300).await?;
    let new = read(world, &topic).await?;

    let member = case.member();
    let gaps = case.halts_over_resume(&member, 2).await?;
    ensure!(gaps.iter().all(|gap| gap.why.contains("not the one that was read")), "{gaps:?}");
    sums_are(&case.store, &added(&old).0).await?;
    case.accept().await?;
    all_contained(world, &case.store).await?;
    sums_are(&case.store, &both(&old, &new)).await?;
    ensure!(member.why().is_none(), "{:?}", member.why());
    member.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_expired_unread_halt_until_a_person_accepts_it() -> Result<()> {
    let _turn = TURN.lock().await;
    let alarms = gaps_counted();
    let case = Case::start("batch.expired").await?;
    let (world, topic) = (&case.world, case.world.orders.topic.clone());
    world.produce(0..200).await?;
    let member = case.member();
    all_contained(world, &case.store).await?;
    member.stop().await?;
    let read_before = read(world, &topic).await?;
    let stood = world.admin.watermarks(&topic).await?[0].high;
    world.produce(200..400).await?;
    let low = stood + 10;
    let expired =
        format!(r#"{{"partitions":[{{"topic":"{topic}","partition":0,"offset":{low}}}],"version":1}}"#);
    let file = world.folder.join("expired.json");
    std::fs::write(&file, expired)?;
    let file = file.display().to_string();
    case.kafka.tool("org.apache.kafka.tools.DeleteRecordsCommand", &["--offset-json-file", &file]).await?;

    let member = case.member();
    let gaps = case.halts_over_resume(&member, 1).await?;
    ensure!((gaps[0].slot.partition, gaps[0].from, gaps[0].found) == (0, stood, low), "{gaps:?}");
    ensure!(gaps_counted() > alarms, "no alarm was raised");
    case.accept().await?;
    all_contained(world, &case.store).await?;
    let is_new = |record: &bus::InRecord| !read_before.contains(record);
    let left: Vec<bus::InRecord> = read(world, &topic).await?.into_iter().filter(is_new).collect();
    sums_are(&case.store, &both(&read_before, &left)).await?;
    ensure!(member.why().is_none(), "{:?}", member.why());
    member.stop().await
}
