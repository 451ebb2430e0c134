use std::time::Duration;

use bus::{BusError, Crew, Difference, PartitionState, Retention, Slot, TopicState, WantedTopic};
use jiff::{SignedDuration, Timestamp};
use wire::{FULL_TRANSITIVE, Fit, Standing, WireError};

use super::{check, only};
use crate::ops::doctor::{
    cluster::{broker, durability, sizes, topics},
    finding::{Finding, Level},
    groups::{Look, Watched, judge},
    registry::{clock, schemas},
};

const DEAD: &str = "127.0.0.1:9092";

fn unavailable() -> Result<(), BusError> {
    Err(BusError::Unavailable("timed out".into()))
}

#[test]
fn a_broker_that_is_down_is_named_with_its_address() {
    let doors = vec![(DEAD.to_owned(), Err("connection refused".to_owned()))];
    let findings = broker(&doors, &unavailable(), None);
    only(&findings, Level::Wrong, "connection refused", "start the broker");
    assert_eq!(findings[0].check, format!("broker {DEAD}"));
}

#[test]
fn one_broker_of_two_that_is_down_is_a_doubt() {
    let doors = vec![(DEAD.to_owned(), Err("refused".to_owned())), ("b:9092".to_owned(), Ok(()))];
    let findings = broker(&doors, &Ok(()), None);
    check(&findings[0], Level::Well, "b:9092 answers", "");
    check(&findings[1], Level::Doubt, "refused", "kafka.brokers");
}

#[test]
fn a_broker_that_listens_and_does_not_talk_points_to_security() {
    let doors = vec![(DEAD.to_owned(), Ok(()))];
    only(&broker(&doors, &unavailable(), None), Level::Wrong, "timed out", "configured is plaintext");
    only(
        &broker(&doors, &unavailable(), Some("sasl_ssl")),
        Level::Wrong,
        "timed out",
        "configured is sasl_ssl",
    );
    let refused = Err(BusError::Settings("no mechanism".into()));
    only(&broker(&doors, &refused, Some("sasl_ssl")), Level::Wrong, "no mechanism", "kafka.security");
}

#[test]
fn a_login_or_a_certificate_that_is_refused_names_its_settings() {
    let doors = vec![(DEAD.to_owned(), Ok(()))];
    let login = Err(BusError::Login("Authentication failed".into()));
    only(
        &broker(&doors, &login, Some("sasl_ssl")),
        Level::Wrong,
        "Authentication failed",
        "kafka.security.password",
    );
    let tls = Err(BusError::Tls("certificate verify failed".into()));
    only(
        &broker(&doors, &tls, Some("ssl")),
        Level::Wrong,
        "certificate verify failed",
        "kafka.security.ca_file",
    );
}

#[test]
fn copies_that_nobody_waits_for_are_told() {
    let found = durability(3, 1).unwrap();
    check(&found, Level::Wrong, "is 1 of 3 copies", "okr-router topics apply");
    assert_eq!((durability(1, 1), durability(3, 2)), (None, None));
}

fn wanted() -> WantedTopic {
    WantedTopic {
        name: "okr.events".into(),
        partitions: 2,
        replication: 3,
        min_isr: 2,
        retention: Retention::Time(Duration::from_secs(60)),
        max_message_bytes: 2 << 20,
    }
}

/// A topic whose partitions have these numbers of copies in sync.
fn state(in_sync: &[i32], min_isr: &str) -> TopicState {
    let partition = |(id, in_sync): (usize, &i32)| PartitionState {
        id: id as i32,
        leader: (*in_sync > 0).then_some(1),
        replicas: 3,
        in_sync: *in_sync,
    };
    let configs = [("min.insync.replicas", min_isr), ("max.message.bytes", "1048576")];
    TopicState {
        name: "okr.events".into(),
        partitions: in_sync.iter().enumerate().map(partition).collect(),
        configs: configs.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    }
}

fn config(key: &'static str, have: Option<&str>, wanted: &str, applied: bool) -> Difference {
    let (topic, have) = ("okr.events".into(), have.map(str::to_owned));
    Difference::Config { topic, key, have, wanted: wanted.into(), applied }
}

#[track_caller]
fn differs(difference: Difference, level: Level, says: &str, remedy: &str) {
    only(&topics(&[wanted()], &[difference], &[]), level, says, remedy);
}

#[test]
fn topics_that_differ_have_the_command_that_mends_them() {
    only(&topics(&[wanted()], &[], &[state(&[3, 3], "2")]), Level::Well, "all 1 are as configured", "");
    differs(Difference::Create(wanted()), Level::Wrong, "does not exist", "okr-router topics apply");
    let grow = Difference::Grow { topic: "t".into(), from: 1, to: 2 };
    differs(grow, Level::Wrong, "has 1 partitions", "okr-router topics apply");
    let shrink = Difference::Shrink { topic: "t".into(), have: 3, wanted: 2 };
    differs(shrink, Level::Wrong, "none can be taken away", "departments.partitions");
    let copies = Difference::Replication { topic: "t".into(), have: 1, wanted: 3 };
    differs(copies, Level::Doubt, "has 1 copies", "kafka-reassign-partitions");
}

#[test]
fn too_low_a_min_isr_is_wrong_whether_or_not_it_can_be_raised() {
    let raised = config("min.insync.replicas", Some("1"), "2", true);
    differs(raised, Level::Wrong, "min.insync.replicas is 1, configured is 2", "okr-router topics apply");
    let few = config("min.insync.replicas", Some("1"), "2", false);
    differs(few, Level::Wrong, "loss of records", "kafka-reassign-partitions");
    let unset = config("min.insync.replicas", None, "2", false);
    differs(unset, Level::Wrong, "is unset", "add brokers");
    let stricter = config("min.insync.replicas", Some("3"), "2", false);
    differs(stricter, Level::Doubt, "is 3, configured is 2", "kafka-configs");
    let longer = config("retention.ms", Some("9"), "8", false);
    differs(longer, Level::Doubt, "retention.ms is 9", "retention.ms");
}

#[test]
fn partitions_without_a_leader_or_copies_are_found() {
    only(
        &topics(&[wanted()], &[], &[state(&[3, 1], "2")]),
        Level::Wrong,
        "nothing can be written",
        "brokers",
    );
    let findings = topics(&[wanted()], &[], &[state(&[3, 0], "2")]);
    check(&findings[0], Level::Wrong, "1 partitions have no leader", "start the brokers");
}

#[test]
fn sizes_that_do_not_fit_are_found() {
    let states = [state(&[3], "2")];
    assert_eq!(sizes(&[("okr.events", 1_048_576), ("okr.arrivals", 9)], &states), []);
    let findings = sizes(&[("okr.events", 1_048_577)], &states);
    only(&findings, Level::Wrong, "takes records of 1048576 bytes", "gateway.body_max");
}

fn standing(id: Option<u32>, fit: Fit, level: Option<&str>) -> Result<Vec<Standing>, WireError> {
    Ok(vec![Standing { subject: "okr.events-value", id, fit, level: level.map(str::to_owned) }])
}

#[test]
fn the_registry_and_its_schemas_are_judged() {
    let full = Some(FULL_TRANSITIVE);
    only(&schemas(&standing(Some(1), Fit::Full, full)), Level::Well, "all 1 schemas are registered", "");
    let register = "okr-router schemas register --apply";
    only(&schemas(&standing(None, Fit::First, full)), Level::Wrong, "is not registered", register);
    only(&schemas(&standing(Some(1), Fit::Full, None)), Level::Wrong, "compatibility is not set", register);
    only(&schemas(&standing(Some(1), Fit::Full, Some("NONE"))), Level::Wrong, "is NONE", register);
    let finding = wire::Finding {
        against: wire::Against::Registered(2),
        ours_reads: true,
        field: "note".into(),
        problem: "no default".into(),
        remedy: "give it one".into(),
    };
    let broken = Fit::Broken(vec![finding]);
    let says = "version 2, field `note`, as it was written: no default";
    only(&schemas(&standing(None, broken, full)), Level::Wrong, says, "schemas check");
    let down = Err(WireError::RegistryDown("refused".into()));
    only(&schemas(&down), Level::Wrong, "refused", "registry.url");
}

#[test]
fn a_clock_that_is_off_is_found_and_one_wrong_neighbour_is_not_believed() {
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let told = |name: &str, behind: i64| {
        (name.to_owned(), now.checked_sub(SignedDuration::from_secs(behind)).unwrap(), now)
    };
    check(&clock(&[]), Level::Well, "nobody", "");
    check(&clock(&[told("a", 3)]), Level::Well, "agrees with that of a", "");
    check(&clock(&[told("a", 90)]), Level::Doubt, "90 s ahead of that of a", "timedatectl");
    check(&clock(&[told("a", -700)]), Level::Wrong, "700 s behind that of a", "refused beyond");
    check(&clock(&[told("a", -700), told("b", 1)]), Level::Well, "agrees with that of b", "");
}

/// Five looks of a group at (next offset, records to the end), with that many members.
fn watched(members: usize, looks: &[(i64, i64); 5]) -> Vec<Finding> {
    let slot = Slot::new("okr.events", 0);
    let looks = (1_u32..).zip(looks).map(|(number, (offset, lag))| Look {
        at: Duration::from_secs(1) * number,
        slots: vec![(slot.clone(), *offset, *lag)],
    });
    let crew = Crew { state: "Stable".into(), clients: vec!["c".into(); members] };
    judge("okr.notifier", &Watched { crew: Some(crew), looks: looks.collect() })
}

#[test]
fn groups_are_judged_by_burrows_rules() {
    only(&watched(2, &[(1, 3), (2, 2), (3, 2), (4, 1), (5, 0)]), Level::Well, "2 members, 0 records", "");
    only(
        &watched(2, &[(1, 3), (2, 3), (3, 4), (4, 4), (5, 9)]),
        Level::Doubt,
        "warn:",
        "okr_worker_lag_seconds",
    );
    only(&watched(2, &[(1, 3); 5]), Level::Doubt, "stall:", "/readyz");
    only(
        &watched(2, &[(5, 3), (4, 4), (4, 4), (4, 4), (4, 4)]),
        Level::Wrong,
        "rewind:",
        "reset its offsets",
    );
    only(&watched(0, &[(1, 3); 5]), Level::Wrong, "no members, and 3 records wait", "okr-router notifier");
    only(&watched(0, &[(4, 0); 5]), Level::Doubt, "nothing waits", "start its service");
}

#[test]
fn a_group_that_has_committed_nothing_yet_is_well_with_members() {
    let crew = Some(Crew { state: "Stable".into(), clients: vec!["c".into()] });
    only(&judge("okr.notifier", &Watched { crew, looks: Vec::new() }), Level::Well, "1 members", "");
}
