//! The arithmetic of the report, and what is read from others' words.

use std::time::Duration;

use super::super::meter::{read_memory, read_processor_time};
use super::receiver::request_bytes;
use super::report::{Figures, History, Report, median};

/// A round of 1,000 events.
fn round(seconds: f64, cpu_ms: u64, memory_mib: u64) -> Figures {
    let processor = Some(Duration::from_millis(cpu_ms));
    Figures { events: 1_000, seconds, processor, memory: Some(memory_mib << 20), commits: 20 }
}

fn history(rows: u64, rounds: &[Figures]) -> History {
    History { rows, rounds: rounds.to_vec() }
}

fn report(home: &'static str, histories: Vec<History>) -> Report {
    let floor = vec![round(0.1, 50, 20), round(0.2, 60, 20), round(0.1, 40, 20)];
    Report { home, cores: 2, targets: 40, events: 1_000, floor, histories }
}

#[track_caller]
fn check(report: &Report, misses: &[&str]) {
    let found = report.misses();
    assert_eq!(found.len(), misses.len(), "{found:?}");
    for (found, miss) in found.iter().zip(misses) {
        assert!(found.contains(miss), "{found:?} is not {miss:?}");
    }
    assert_eq!(report.json()["met"], misses.is_empty());
    assert_eq!(report.text().contains("missed"), !misses.is_empty());
}

#[test]
fn the_median_is_the_one_in_the_middle() {
    assert_eq!(median([3.0, 1.0, 100.0].into_iter()), Some(3.0));
    assert_eq!(median([4.0, 2.0].into_iter()), Some(3.0));
    assert_eq!(median(std::iter::empty()), None);
}

#[test]
fn each_home_has_its_bar() {
    // 1,250 a second.
    let rounds = || vec![history(10, &[round(0.8, 100, 30), round(9.0, 100, 30), round(0.7, 100, 30)])];
    check(&report("embedded", rounds()), &[]);
    check(&report("postgres", rounds()), &["1250/s with a history of 10 is below 2000/s"]);
}

#[test]
fn a_long_history_that_slows_or_swells_is_a_miss() {
    let flat = vec![history(10, &[round(0.25, 100, 30)]), history(1_000, &[round(0.3, 100, 40)])];
    check(&report("postgres", flat), &[]);
    let slower = vec![history(10, &[round(0.1, 100, 30)]), history(1_000, &[round(0.2, 100, 30)])];
    check(&report("postgres", slower), &["50 %"]);
    let larger = vec![history(1_000, &[round(0.1, 100, 60)]), history(10, &[round(0.1, 100, 30)])];
    check(&report("postgres", larger), &["30 MiB"]);
}

#[test]
fn the_cost_of_a_delivery_stands_beside_the_floor() {
    let report = report("embedded", vec![history(10, &[round(0.1, 200, 30)])]);
    let json = report.json();
    assert_eq!(json["floor"]["cpu_us_per_delivery"], 50.0);
    assert_eq!(json["histories"][0]["cpu_us_per_delivery"], 200.0);
    assert_eq!(json["histories"][0]["cpu_ratio"], 4.0);
    assert_eq!(json["rate_share"], serde_json::Value::Null);
    let text = report.text();
    assert!(text.contains("200 µs") && text.contains("4.00") && text.contains("50.0\n"), "{text}");
}

#[test]
fn what_the_machine_does_not_tell_is_not_made_up() {
    let unknown = Figures { processor: None, memory: None, ..round(0.1, 0, 0) };
    let report = Report { floor: vec![unknown], ..report("embedded", vec![history(1, &[unknown])]) };
    check(&report, &[]);
    assert_eq!(report.json()["histories"][0]["cpu_ratio"], serde_json::Value::Null);
}

#[test]
fn linux_words_are_read() {
    let stat = "12 (a name) with) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0";
    assert_eq!(read_processor_time(stat), Some(Duration::from_millis(1_750)));
    assert_eq!(read_memory("VmPeak:\t  9 kB\nVmRSS:\t  2048 kB\n", "VmRSS:"), Some(2 << 20));
    assert_eq!(read_memory("nothing", "VmRSS:"), None);
}

#[test]
fn a_request_is_its_head_and_its_body() {
    assert_eq!(request_bytes(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n"), None);
    assert_eq!(request_bytes(b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nab"), Some(41));
    assert_eq!(request_bytes(b"GET / HTTP/1.1\r\n\r\nGET"), Some(18));
}
