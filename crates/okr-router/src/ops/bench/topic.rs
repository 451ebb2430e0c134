//! A topic to measure on: made for one run, and deleted at its end.

use std::time::Duration;

use anyhow::{Context, Result};
use bus::{Admin, Difference, Retention, WantedTopic};

use crate::{config::Whole, parts};

/// Makes a topic with so many partitions, does the work on it, and deletes it, whatever came of the work.
pub(super) async fn with_topic<T>(
    whole: &Whole,
    partitions: i32,
    work: impl AsyncFnOnce(bus::Settings, String) -> Result<T>,
) -> Result<T> {
    let settings = parts::bus_settings(whole, "okr-router-bench")?;
    let admin = Admin::new(&settings)?;
    let topic = format!("okr.bench.{}", uuid::Uuid::now_v7().simple());
    let brokers = || format!("the brokers at {} (`kafka.brokers`)", whole.shared.kafka.brokers.join(", "));
    admin.apply(&[Difference::Create(wanted(whole, partitions, &topic))]).await.with_context(brokers)?;
    let done = tokio::select! {
        done = work(settings, topic.clone()) => done,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("cut off")),
    };
    if let Err(error) = admin.delete(&topic).await {
        eprintln!("the topic {topic} was not deleted: {error}");
    }
    done
}

fn wanted(whole: &Whole, partitions: i32, topic: &str) -> WantedTopic {
    let kafka = &whole.shared.kafka;
    WantedTopic {
        name: topic.to_owned(),
        partitions,
        replication: kafka.replication,
        min_isr: kafka.min_insync_replicas,
        retention: Retention::Time(Duration::from_secs(24 * 60 * 60)),
        max_message_bytes: 2 << 20,
    }
}
