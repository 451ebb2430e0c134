//! A broker with the topics of one test, and records that keep coming.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use bus::{Admin, Headers, OutRecord, Producer, Retention, Settings, WantedTopic, place};
use okr_tests::{Folder, until};
use tokio::task::JoinHandle;

use crate::{
    member::Orders,
    sums::{ODD, OUT_PARTITIONS, POISON},
};

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(90);

/// Keys in play.
pub const KEYS: u64 = 60;

const SEND_WITHIN: Duration = Duration::from_secs(10);

/// The topics and orders of a test.
pub struct World {
    pub settings: Settings,
    pub admin: Admin,
    pub orders: Orders,
    pub partitions: i32,
    pub folder: Folder,
}

impl World {
    /// Empty topics of a name that no other test has.
    pub async fn start(broker: &str, store: &str, topic: &str, partitions: i32) -> Result<Self> {
        let (settings, folder) = (Settings::new(vec![broker.to_owned()], "okr-tests"), Folder::new(topic)?);
        let orders = Orders {
            name: "m0".to_owned(),
            broker: broker.to_owned(),
            store: store.to_owned(),
            topic: topic.to_owned(),
            out: format!("{topic}.out"),
            folder: folder.path().to_owned(),
            pause_max: Duration::from_secs(1),
        };
        let world = Self { admin: Admin::new(&settings)?, settings, orders, partitions, folder };
        world.create(topic, partitions).await?;
        world.create(&world.orders.out, OUT_PARTITIONS).await?;
        world.create("okr.dead.batch", 1).await?;
        Ok(world)
    }

    pub async fn create(&self, topic: &str, partitions: i32) -> Result<()> {
        let wanted = WantedTopic {
            name: topic.to_owned(),
            partitions,
            replication: 1,
            min_isr: 1,
            retention: Retention::Time(Duration::from_secs(86_400)),
            max_message_bytes: 1 << 20,
        };
        Ok(self.admin.apply(&self.admin.plan(&[wanted]).await?).await?)
    }

    /// Orders for a member of that name.
    pub fn member(&self, name: &str) -> Orders {
        Orders { name: name.to_owned(), ..self.orders.clone() }
    }

    /// Puts records with these numbers onto the topic.
    pub async fn produce(&self, numbers: std::ops::Range<u64>) -> Result<()> {
        let producer = Producer::new(&self.settings, SEND_WITHIN)?;
        producer.warm(&[&self.orders.topic]).await?;
        for number in numbers {
            producer.send(record(&self.orders.topic, self.partitions, number)).await?;
        }
        ensure!(producer.close(SEND_WITHIN).await == 0);
        Ok(())
    }

    /// Records without end, whatever happens to the broker.
    pub fn load(&self) -> Result<Load> {
        let producer = Producer::new(&self.settings, SEND_WITHIN)?;
        let (topic, partitions) = (self.orders.topic.clone(), self.partitions);
        let (sent, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (counted, until) = (Arc::clone(&sent), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            let mut number = 0;
            while until.load(Ordering::SeqCst) == 0 {
                let records = (number..number + 50).map(|number| record(&topic, partitions, number));
                let sends = futures::future::join_all(records.map(async |record| {
                    // What was not acknowledged may be there all the same: the topic is what counts.
                    while producer.send(record.clone()).await.is_err() {}
                }));
                sends.await;
                number += 50;
                counted.store(number, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Ok(Load { sent, stop, task })
    }

    /// Waits until the group has committed this many records more than now, all partitions together.
    pub async fn more_committed(&self, more: i64) -> Result<()> {
        let begin = until("the broker's word", SOON, async || self.committed().await).await?;
        let what = format!("{more} more records of {}", self.orders.topic);
        until(&what, SOON, async || self.committed().await.filter(|now| *now >= begin + more).map(drop)).await
    }

    async fn committed(&self) -> Option<i64> {
        let committed = self.admin.committed(&self.orders.group(), &self.orders.topic).await.ok()?;
        Some(committed.into_iter().filter_map(|(_, next)| next).sum())
    }
}

/// A producer at work.
pub struct Load {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Load {
    /// Ends it once everything is acknowledged; gives how many records it made.
    pub async fn stop(self) -> Result<u64> {
        self.stop.store(1, Ordering::SeqCst);
        tokio::time::timeout(SOON, self.task).await??;
        Ok(self.sent.load(Ordering::SeqCst))
    }
}

/// Now and then one that cannot be read, or not be added.
fn record(topic: &str, partitions: i32, number: u64) -> OutRecord {
    let key = format!("subject {}", number % KEYS);
    let value = match number % 997 {
        500 => POISON.to_owned(),
        700 => ODD.to_owned(),
        _ => number.to_string(),
    };
    OutRecord {
        topic: topic.into(),
        partition: place::partition(key.as_bytes(), partitions),
        key: Some(key.into()),
        value: Some(value.into()),
        headers: Headers::default(),
    }
}
