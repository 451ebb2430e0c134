use std::{collections::HashSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    events::Events,
    report::{Floor, Lap, Report, Round},
};
use crate::cli::bench::Warehouse as Options;

fn options() -> Options {
    let (records, subjects, days, rounds, partitions, singles) = (20_000, 500, 7, 3, 24, 100);
    let output = crate::cli::Output { json: false };
    Options { records, subjects, days, rounds, partitions, singles, check: false, output }
}

fn floor(wall_ms: u64) -> Floor {
    Floor { rows: 1_000, wall: Duration::from_millis(wall_ms), cpu: Some(Duration::from_millis(2)) }
}

/// A round in which all but a tenth of the records were rows; the lap is half of it.
fn round(wall_ms: u64, memory_mb: u64) -> Round {
    let lap = Lap {
        records: 10_000,
        wall: Duration::from_millis(wall_ms),
        cpu: Some(Duration::from_millis(90)),
        commits: 5,
        memory: Some(memory_mb * 1_000_000),
    };
    Round { rows: 18_000, subjects: 500, days: 3_000, lap }
}

fn report(home: &'static str, rounds: [Round; 3], slowest_ms: u64) -> Report {
    let mut report = Report::new(home, &options(), 741);
    report.floor = vec![floor(10), floor(12), floor(90)];
    report.rounds = rounds.to_vec();
    let singles = (1..=100).map(|n| if n < 99 { 60 + n } else { slowest_ms });
    report.singles = singles.map(Duration::from_millis).collect();
    report
}

#[track_caller]
fn judged(report: &Report, met: [bool; 3]) {
    let found: Vec<bool> = report.bars().iter().map(super::super::figures::Bar::is_met).collect();
    assert_eq!(found, met, "{report}");
    assert_eq!(report.is_met(), met == [true; 3]);
    assert_eq!(report.json()["met"], report.is_met());
    assert_eq!(report.to_string().contains("MISSED"), !report.is_met());
}

#[test]
fn medians_are_held_against_the_bar() {
    // The plain copy: 12 ms for 1,000 rows, 83,333 a second. 30 % are 25,000, which 9,000 rows reach in 360 ms.
    let good = round(355, 149);
    judged(&report("postgres", [good, good, round(9_000, 149)], 999), [true, true, true]);
    judged(&report("postgres", [good, round(365, 149), round(365, 149)], 999), [false, true, true]);
    judged(&report("postgres", [good, good, round(355, 151)], 999), [true, false, true]);
    judged(&report("postgres", [good, good, good], 1_001), [true, true, false]);
}

#[test]
fn a_file_has_no_copy_to_be_held_against() {
    judged(&report("embedded", [round(90_000, 10); 3], 999), [true, true, true]);
    judged(&report("embedded", [round(90_000, 151); 3], 999), [true, false, true]);
}

#[test]
fn what_is_measured_is_told_to_people_and_programs() {
    let report = report("postgres", [round(360, 80); 3], 250);
    let json = report.json();
    assert_eq!(json["warehouse"]["cpu_s_per_10000_events"]["median"], 0.09);
    assert_eq!(json["plain_copy"]["cpu_s_per_10000_rows"]["median"], 0.02);
    assert_eq!(json["single_event_ms"]["p50"], 110.0);
    assert_eq!(json["single_event_ms"]["p99"], 250.0);
    assert_eq!(json["tables"]["okr_progress_daily"], 3_000);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    insta::assert_snapshot!(report.to_string().replace(&format!("{cores} cores"), "2 cores"));
}

#[test]
fn some_events_come_twice_and_some_come_late() {
    let now: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
    let (options, events) = (options(), Events::new(&options(), now));
    let all: Vec<_> = (0..options.records).map(|number| events.event(number)).collect();
    let ids: HashSet<_> = all.iter().map(|event| event.event_id).collect();
    assert_eq!(ids.len() as u64, Events::distinct(options.records));
    let share = |count: usize| count as f64 / options.records as f64;
    let repeated = share(all.len() - ids.len());
    assert!((0.02..0.04).contains(&repeated), "{repeated}");
    let late = share(all.iter().filter(|event| event.occurred_at < event.received_at).count());
    assert!((0.02..0.04).contains(&late), "{late}");
    let subjects: HashSet<_> = all.iter().map(|event| event.subject.id.clone()).collect();
    assert_eq!(subjects.len() as u64, options.subjects);
    let first = now - SignedDuration::from_hours(7 * 24);
    assert!(all.iter().all(|event| event.received_at >= first && event.received_at <= now));
    assert_eq!(all[7], events.event(7));
    assert!(!ids.contains(&events.single(0).event_id));
}
