use super::{
    client::{BODY_BYTES, answer, body},
    report::{Course, Report, Round},
};
use std::time::Duration;

#[test]
fn a_body_is_what_the_okr_kind_reads_and_has_its_size() {
    for number in [0, 7, 123_456_789] {
        let body = body(number);
        assert_eq!(body.len(), BODY_BYTES);
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value["id"], format!("delivery-{number}"));
    }
}

#[test]
fn an_answer_is_measured_once_its_head_is_there() {
    assert_eq!(answer(b"HTTP/1.1 202 Accepted\r\ncontent-le"), None);
    let head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(answer(head), Some((202, head.len() + 3)));
    assert_eq!(answer(b"HTTP/1.1 204 No Content\r\n\r\n"), Some((204, 27)));
}

#[test]
fn the_bar_is_judged_by_medians_beside_the_floor() {
    let round =
        |cpu_ms| Round { requests: 1_000, wall: Duration::from_secs(1), cpu: Duration::from_millis(cpu_ms) };
    let rounds = |costs: [u64; 3]| costs.map(round).to_vec();
    let course = Course {
        connections: 64,
        rounds: [rounds([100, 90, 500]), rounds([130, 139, 900]), rounds([250, 180, 191])],
    };
    let mut report = Report { requests: 1_000, courses: vec![course], ..Report::default() };
    report.latencies = [1, 2, 4].map(|millis| vec![Duration::from_millis(millis); 100]);
    report.batches[1] = vec![(round(100), round(19)), (round(90), round(18)), (round(500), round(20))];
    report.batches[2] = vec![(round(100), round(21))];
    report.memory = vec![Some(1), Some(1), Some(65 << 20)];
    let misses = report.misses().join("\n");
    assert!(misses.contains("gateway-arrivals at 64 connections costs 1.91"), "{misses}");
    assert!(!misses.contains("gateway at 64"), "{misses}");
    assert!(misses.contains("more than 4.0 ms") && misses.contains("hundredth takes 4.0 ms"), "{misses}");
    assert!(misses.contains("gateway-arrivals: a webhook of a batch costs 0.21 of one alone"), "{misses}");
    assert!(!misses.contains("gateway: a webhook"), "{misses}");
    assert!(misses.contains("held 65.0 MiB"), "{misses}");
    assert_eq!(report.json()["met"], false);
}
