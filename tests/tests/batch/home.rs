//! One member on an embedded file that is killed again and again.

use anyhow::Result;
use boot::system_clock;
use okr_tests::Kafka;
use store::Store;

use crate::{evidence::exact, member, world::World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_member_on_a_file_dies_again_and_again_and_each_record_counts_once() -> Result<()> {
    let mut kafka = Kafka::own().await?;
    let world = World::start(kafka.address(), "", "batch.home", 6).await?;
    let url = format!("file:{}", world.folder.join("state.db").display());
    let member = member::Orders { store: url.clone(), ..world.member("only") };
    let load = world.load()?;
    for _ in 0..4 {
        let process = member.start(&world.folder)?;
        world.more_committed(700).await?;
        process.kill9();
    }
    let process = member.start(&world.folder)?;
    world.more_committed(500).await?;
    kafka.kill9()?;
    kafka.restart().await?;
    world.more_committed(500).await?;
    process.kill9();
    load.stop().await?;

    let store = Store::open(&url, system_clock()).await?;
    let house = boot::House::new(system_clock());
    let work = tokio::spawn({
        let (member, store, house) = (member.clone(), store.clone(), house.clone());
        async move { member::work(&member, store, house).await }
    });
    exact(&world, &store).await?;
    house.shutdown.cancel();
    work.await?
}
