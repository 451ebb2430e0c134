use std::time::Duration;

use super::*;
use crate::admin::PartitionState;

fn wanted() -> WantedTopic {
    WantedTopic {
        name: "okr.events".into(),
        partitions: 24,
        replication: 3,
        min_isr: 2,
        retention: Retention::Time(Duration::from_secs(90 * 86_400)),
        max_message_bytes: 2 << 20,
    }
}

fn state(partitions: i32, replicas: i32, configs: &[(&str, &str)]) -> TopicState {
    let partition = |id| PartitionState { id, leader: Some(1), replicas, in_sync: replicas };
    TopicState {
        name: "okr.events".into(),
        partitions: (0..partitions).map(partition).collect(),
        configs: configs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
    }
}

const AS_WANTED: [(&str, &str); 4] = [
    ("cleanup.policy", "delete"),
    ("max.message.bytes", "2097152"),
    ("min.insync.replicas", "2"),
    ("retention.ms", "7776000000"),
];

fn with(key: &str, value: Option<&str>) -> TopicState {
    let mut state = state(24, 3, &AS_WANTED);
    state.configs.remove(key);
    if let Some(value) = value {
        state.configs.insert(key.into(), value.into());
    }
    state
}

#[track_caller]
fn check(state: &TopicState, expected: &[(&str, bool)]) {
    let found = compare(&wanted(), Some(state));
    let found: Vec<(String, bool)> =
        found.iter().map(|difference| (difference.to_string(), difference.is_applied())).collect();
    let expected: Vec<(String, bool)> =
        expected.iter().map(|(text, applied)| (format!("okr.events: {text}"), *applied)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_topic_as_wanted_has_no_difference() {
    check(&state(24, 3, &AS_WANTED), &[]);
}

#[test]
fn a_missing_topic_is_created_with_every_config_spelled_out() {
    let found = compare(&wanted(), None);
    assert_eq!(found, [Difference::Create(wanted())]);
    assert_eq!(
        found[0].to_string(),
        "okr.events: create with 24 partitions, 3 replicas, cleanup.policy=delete, max.message.bytes=2097152, \
         min.insync.replicas=2, retention.ms=7776000000"
    );
}

#[test]
fn a_topic_grows_and_never_shrinks() {
    check(&state(20, 3, &AS_WANTED), &[("grow from 20 to 24 partitions", true)]);
    check(&state(30, 3, &AS_WANTED), &[("has 30 partitions, configured are 24; left alone", false)]);
}

#[test]
fn a_config_is_set_when_unset_and_raised_when_lower_and_otherwise_somebodys_choice() {
    check(&with("retention.ms", None), &[("retention.ms is unset, configured is 7776000000", true)]);
    check(
        &with("retention.ms", Some("3600000")),
        &[("retention.ms is 3600000, configured is 7776000000", true)],
    );
    check(
        &with("retention.ms", Some("-1")),
        &[("retention.ms is -1, configured is 7776000000; left alone", false)],
    );
    check(
        &with("max.message.bytes", Some("99999999")),
        &[("max.message.bytes is 99999999, configured is 2097152; left alone", false)],
    );
    check(
        &with("cleanup.policy", Some("compact")),
        &[("cleanup.policy is compact, configured is delete; left alone", false)],
    );
}

#[test]
fn a_topic_never_asks_for_more_in_sync_replicas_than_it_has() {
    let mut state = state(24, 1, &AS_WANTED);
    state.configs.insert("min.insync.replicas".into(), "1".into());
    check(
        &state,
        &[
            ("has 1 replicas, configured are 3; left alone", false),
            ("min.insync.replicas is 1, configured is 2; left alone", false),
        ],
    );
}

#[test]
fn only_what_is_applied_becomes_a_change() {
    let lower = compare(&wanted(), Some(&with("retention.ms", Some("5"))));
    let higher = compare(&wanted(), Some(&with("max.message.bytes", Some("99999999"))));
    assert_eq!(changes(&lower)["okr.events"], BTreeMap::from([("retention.ms", "7776000000")]));
    assert!(changes(&higher).is_empty());
}

#[test]
fn a_compacted_topic_keeps_its_records_for_ever() {
    let compacted = WantedTopic { retention: Retention::Compact, ..wanted() };
    assert!(compacted.configs().contains(&("cleanup.policy", "compact".to_owned())));
    assert!(compacted.configs().contains(&("retention.ms", "-1".to_owned())));
}
