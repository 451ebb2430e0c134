//! Topics in the cluster against topics in the configuration.

use std::time::Duration;

use anyhow::Result;
use bus::{Admin, Difference, Retention, WantedTopic};
use okr_tests::kafka;

use crate::{fill, name, settings, wanted};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_is_no_longer_planned() -> Result<()> {
    let settings = settings(kafka().await?.address());
    let admin = Admin::new(&settings)?;
    admin.reachable(Duration::from_secs(10)).await?;
    let topic = wanted(&name("planned"), 2);
    let plan = admin.plan(std::slice::from_ref(&topic)).await?;
    assert_eq!(plan, [Difference::Create(topic.clone())]);
    admin.apply(&plan).await?;
    assert_eq!(admin.plan(std::slice::from_ref(&topic)).await?, []);
    admin.apply(&plan).await?; // Somebody else was quicker.

    let state = admin.describe(&[&topic.name]).await?.remove(0);
    assert_eq!(state.partitions.len(), 2);
    assert!(state.partitions.iter().all(|partition| partition.leader == Some(1) && partition.in_sync == 1));
    let configs: Vec<(&str, &str)> =
        state.configs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        configs,
        [
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "16777216"),
            ("min.insync.replicas", "1"),
            ("retention.ms", "604800000"),
        ]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_grows_and_its_configs_are_raised_and_nothing_else_is_touched() -> Result<()> {
    let broker = kafka().await?;
    let settings = settings(broker.address());
    let admin = Admin::new(&settings)?;
    let small = wanted(&name("growing"), 2);
    admin.apply(&admin.plan(std::slice::from_ref(&small)).await?).await?;
    fill(&settings, &small.name, 1, 3).await?;
    let foreign = ["--alter", "--topic", &small.name, "--add-config", "segment.ms=3600000"];
    broker.tool("kafka.admin.ConfigCommand", &foreign).await?;

    let retention = Retention::Time(Duration::from_secs(30 * 86_400));
    let large = WantedTopic { partitions: 4, retention, max_message_bytes: 1 << 20, ..small.clone() };
    let plan = admin.plan(std::slice::from_ref(&large)).await?;
    let told: Vec<String> = plan.iter().map(ToString::to_string).collect();
    let topic = &small.name;
    assert_eq!(
        told,
        [
            format!("{topic}: grow from 2 to 4 partitions"),
            format!("{topic}: max.message.bytes is 16777216, configured is 1048576; left alone"),
            format!("{topic}: retention.ms is 604800000, configured is 2592000000"),
        ]
    );
    admin.apply(&plan).await?;
    let left = admin.plan(std::slice::from_ref(&large)).await?;
    assert_eq!(left.len(), 1, "only what is left alone: {left:?}");
    assert!(!left[0].is_applied());
    let state = admin.describe(&[topic]).await?.remove(0);
    assert_eq!(state.partitions.len(), 4);
    assert_eq!(state.configs.get("segment.ms").map(String::as_str), Some("3600000"), "somebody's own stays");
    let marks = admin.watermarks(topic).await?;
    assert_eq!(marks.iter().map(|mark| mark.high).collect::<Vec<_>>(), [0, 3, 0, 0]);

    let shrunk = admin.plan(&[WantedTopic { partitions: 1, ..large }]).await?;
    assert!(matches!(shrunk[0], Difference::Shrink { have: 4, wanted: 1, .. }));
    admin.apply(&shrunk).await?;
    assert_eq!(admin.describe(&[topic]).await?[0].partitions.len(), 4);
    Ok(())
}
