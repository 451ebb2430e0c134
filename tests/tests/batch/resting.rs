//! A partition that the store takes nothing of: it is tried again and again, and the others go on as if it were not there.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use boot::{House, system_clock};
use bus::Slot;
use okr_tests::kafka;
use store::Store;
use worker::Progress;

use crate::{
    evidence::exact,
    member,
    sums::SERVICE,
    world::{SOON, World},
};

const PARTITIONS: i32 = 6;
const REFUSED: i32 = 2;
/// How long it is looked on, in which that partition rests for longer and longer.
const WATCHED: Duration = Duration::from_secs(4);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Records of each partition come twenty times a second; what is shorter than a late rest is none of it.
const STANDSTILL_MAX: Duration = Duration::from_millis(1_200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_not_confirmed_keeps_no_other_waiting() -> Result<()> {
    let topic = "batch.resting";
    let world = World::start(kafka().await?.address(), "", topic, PARTITIONS).await?;
    let url = format!("file:{}", world.folder.join("state.db").display());
    let store = Store::open(&url, system_clock()).await?;
    let orders = member::Orders { store: url, pause_max: PAUSE_MAX, ..world.member("only") };
    let (house, load) = (House::new(system_clock()), world.load()?);
    let work = tokio::spawn({
        let (orders, store, house) = (orders.clone(), store.clone(), house.clone());
        async move { member::work(&orders, store, house).await }
    });
    let slots: Vec<Slot> = (0..PARTITIONS).map(|partition| Slot::new(topic, partition)).collect();
    let stand = async || -> Result<BTreeMap<i32, i64>> {
        let standings = store.standings(SERVICE, &slots).await?;
        Ok(standings.into_iter().map(|it| (it.slot.partition, it.next)).collect())
    };
    let all_go_on =
        async || stand().await.ok().filter(|at| at.len() == 6 && at.values().all(|next| *next > 50));
    okr_tests::until("a share of each partition", SOON, all_go_on).await?;

    orders.refuse(Some(REFUSED))?;
    // One may be on its way.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (begin, since) = (stand().await?, Instant::now());
    let mut moved: BTreeMap<i32, (i64, Instant)> =
        begin.iter().map(|(at, next)| (*at, (*next, since))).collect();
    let mut longest = BTreeMap::<i32, Duration>::new();
    while since.elapsed() < WATCHED {
        for (partition, next) in stand().await? {
            let (before, at) = moved.entry(partition).or_insert((next, since));
            let still = longest.entry(partition).or_default();
            *still = (*still).max(at.elapsed());
            if next > *before {
                (*before, *at) = (next, Instant::now());
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let end = stand().await?;
    orders.refuse(None)?;
    load.stop().await?;
    println!("standing still for at most {longest:?}; from {begin:?} to {end:?}");
    ensure!(begin[&REFUSED] == end[&REFUSED], "it was not refused");
    longest.remove(&REFUSED);
    for (partition, still) in &longest {
        ensure!(*still < STANDSTILL_MAX, "partition {partition} stood still for {still:?}: {longest:?}");
    }
    exact(&world, &store).await?;
    house.shutdown.cancel();
    work.await?
}
