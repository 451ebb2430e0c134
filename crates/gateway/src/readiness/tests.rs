//! What keeps the gateway from being ready, in words.

use std::collections::BTreeMap;

use bus::{PartitionState, TopicState};

use super::{TOPICS, Wanted, judged, lacking};

const WANTED: Wanted = Wanted { event_partitions: 24, partitions: 6, record_bytes_max: 573_440 };

fn cluster() -> Vec<TopicState> {
    TOPICS.iter().map(|name| topic(name, if *name == "okr.events" { 24 } else { 6 })).collect()
}

fn topic(name: &str, partitions: i32) -> TopicState {
    let partition = |id| PartitionState { id, leader: Some(1), replicas: 1, in_sync: 1 };
    TopicState {
        name: name.to_owned(),
        partitions: (0..partitions).map(partition).collect(),
        configs: BTreeMap::from([("max.message.bytes".to_owned(), "2097152".to_owned())]),
    }
}

#[track_caller]
fn check(change: impl Fn(&mut Vec<TopicState>), says: &[&str]) {
    let mut states = cluster();
    change(&mut states);
    let why = lacking(&WANTED, &states).unwrap();
    assert!(says.iter().all(|word| why.contains(word)), "{why}");
}

#[test]
fn a_cluster_as_configured_lacks_nothing() {
    assert_eq!(lacking(&WANTED, &cluster()), None);
}

#[test]
fn what_lacks_is_named_with_the_command_that_mends_it() {
    check(|all| all.truncate(1), &["okr.arrivals, okr.pending, okr.dead.gateway", "okr-router topics apply"]);
    check(|all| all[0] = topic("okr.events", 12), &["okr.events has 12", "24", "okr-router topics apply"]);
    check(|all| all[1] = topic("okr.arrivals", 7), &["okr.arrivals has 7", "6", "okr-router topics plan"]);
    let small = |all: &mut Vec<TopicState>| {
        all[0].configs.insert("max.message.bytes".to_owned(), "100000".to_owned());
    };
    check(small, &["100000", "gateway.body_max"]);
}

#[test]
fn the_rights_of_the_gateway_are_those_of_the_topics_that_it_writes() {
    let mut written: Vec<&str> = bus::acls("gateway")
        .into_iter()
        .filter(|acl| acl.operation == bus::Operation::Write)
        .map(|acl| acl.resource.name())
        .collect();
    let mut topics = TOPICS.to_vec();
    written.sort_unstable();
    topics.sort_unstable();
    assert_eq!(written, topics);
}

#[test]
fn a_question_that_is_refused_is_not_taken_for_rights() {
    let health = boot::Health::new();
    let check = health.check("rights");
    assert!(judged(Err(bus::BusError::Refused("ClusterAuthorizationFailed".to_owned())), &check));
    let said = || health.report().checks["rights"].clone();
    assert!(!said().ok && said().why.unwrap().contains("ClusterAuthorizationFailed"));
    // Whether Kafka answers is another check's to say.
    check.ok();
    assert!(judged(Err(bus::BusError::Unavailable("no answer in time".to_owned())), &check));
    assert!(said().ok);
}
