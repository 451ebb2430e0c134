use std::time::Duration;

use super::{
    super::figures::Spread,
    report::{Report, Round},
};
use crate::cli::bench::Worker as Options;

#[track_caller]
fn check(values: &[f64], median: f64, least: f64, most: f64) {
    assert_eq!(Spread::of(values.iter().copied()), Spread { median, least, most }, "{values:?}");
}

#[test]
fn a_median_is_the_middle_or_between_the_two_in_the_middle() {
    check(&[], 0.0, 0.0, 0.0);
    check(&[3.0], 3.0, 3.0, 3.0);
    check(&[9.0, 1.0, 2.0], 2.0, 1.0, 9.0);
    check(&[9.0, 1.0, 2.0, 4.0], 3.0, 1.0, 9.0);
}

/// A round of a thousand records.
fn round(wall_ms: u64, cpu_us: u64) -> Round {
    let (wall, cpu) = (Duration::from_millis(wall_ms), Duration::from_micros(cpu_us));
    Round { records: 1_000, wall, cpu }
}

fn report(runtime: [Round; 3], slow: Round) -> Report {
    let options = Options { records: 1_000, ..Options::default() };
    let mut report = Report::new(&options, 700, 5_120.0);
    report.floor = vec![round(10, 4_000), round(12, 5_000), round(90, 9_000)];
    report.runtime = runtime.to_vec();
    report.slow = vec![slow];
    report
}

#[track_caller]
fn judged(runtime: [Round; 3], slow: Round, met: [bool; 3]) {
    let report = report(runtime, slow);
    assert_eq!(report.bars().map(|bar| bar.is_met()), met, "{report}");
    assert_eq!(report.is_met(), met == [true; 3]);
}

#[test]
fn medians_are_held_against_the_bar() {
    // The bare loop: 12 ms and 5 µs. Share 0.6 is 20 ms, three more are 8 µs, nine tenths of the ideal are 217 ms.
    let [good, slow] = [round(19, 7_900), round(217, 0)];
    judged([good, good, round(500, 90_000)], slow, [true, true, true]);
    judged([good, round(21, 7_900), round(21, 7_900)], slow, [false, true, true]);
    judged([good, round(19, 8_100), round(19, 8_100)], slow, [true, false, true]);
    judged([good, good, good], round(218, 0), [true, true, false]);
}

#[test]
fn what_is_measured_is_told_to_people_and_programs() {
    let report = report([round(16, 6_500); 3], round(200, 0));
    let json = report.json();
    let bars: Vec<f64> =
        json["bar"].as_array().unwrap().iter().map(|bar| bar["measured"].as_f64().unwrap()).collect();
    let near = |value: f64, wanted: f64| (value - wanted).abs() < 1e-6;
    assert!(near(bars[0], 0.75) && near(bars[1], 1.5) && near(bars[2], 5_000.0 / 5_120.0), "{bars:?}");
    assert_eq!(json["met"], true);
    insta::assert_snapshot!(report.to_string());
}
