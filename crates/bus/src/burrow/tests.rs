use std::time::Duration;

use super::{Commit, Status, Window};

const SECOND: Duration = Duration::from_secs(1);

/// Commits ten seconds apart as (offset, lag), judged `after` seconds behind the last one.
#[track_caller]
fn check(commits: &[(i64, i64)], after: u32, lag: i64, expected: Status) {
    let mut window = Window::new(5);
    for (number, (offset, lag)) in (0_u32..).zip(commits) {
        window.push(Commit { at: SECOND * 10 * number, offset: *offset, lag: *lag });
    }
    let now = SECOND * 10 * (u32::try_from(commits.len()).unwrap() - 1) + SECOND * after;
    assert_eq!(window.status(now, lag), expected, "{commits:?}, {after} s later with a lag of {lag}");
}

#[test]
fn lag_that_was_zero_somewhere_is_well_whatever_follows() {
    check(&[(10, 5), (15, 0), (15, 5), (15, 9), (15, 20)], 5, 20, Status::Ok);
    check(&[(10, 5), (10, 5), (10, 5), (10, 5), (10, 5)], 500, 0, Status::Ok);
}

#[test]
fn an_offset_that_went_back_is_a_rewind_even_with_lag_at_zero() {
    check(&[(10, 5), (20, 5), (12, 13), (20, 5), (25, 0)], 5, 0, Status::Rewind);
    check(&[(10, 5), (9, 6)], 5, 6, Status::Rewind);
}

#[test]
fn a_consumer_that_committed_nothing_for_longer_than_its_window_has_stopped() {
    let commits = [(10, 5), (12, 5), (14, 4), (16, 5), (18, 4)];
    check(&commits, 40, 4, Status::Ok);
    check(&commits, 41, 4, Status::Stop);
    check(&commits, 4_100, 0, Status::Ok);
}

#[test]
fn commits_that_do_not_get_on_are_a_stall() {
    check(&[(10, 5), (10, 6), (10, 7), (10, 6), (10, 5)], 5, 5, Status::Stall);
    check(&[(10, 5), (10, 6), (10, 7), (10, 6), (11, 5)], 5, 5, Status::Ok);
}

#[test]
fn lag_that_never_falls_while_the_offset_moves_is_a_warning() {
    check(&[(10, 5), (12, 6), (14, 6), (16, 9), (18, 12)], 5, 12, Status::Warn);
    check(&[(10, 5), (12, 6), (14, 5), (16, 9), (18, 12)], 5, 12, Status::Ok);
}

#[test]
fn too_little_seen_is_no_verdict() {
    check(&[(10, 5), (10, 5), (10, 5), (10, 5)], 500, 5, Status::Ok);
    assert_eq!(Window::new(5).status(SECOND, 5), Status::Ok);
}

#[test]
fn only_the_window_counts() {
    // The lag of zero and the rewind at the beginning are forgotten by now.
    check(&[(9, 0), (8, 0), (10, 5), (10, 5), (10, 5), (10, 5), (10, 5)], 5, 5, Status::Stall);
}

#[test]
fn the_number_on_the_metrics_page_rises_with_the_trouble() {
    let all = [Status::Ok, Status::Warn, Status::Stall, Status::Stop, Status::Rewind];
    assert_eq!(all.map(Status::level), [0, 1, 2, 3, 4]);
    assert_eq!(all.map(Status::name), ["ok", "warn", "stall", "stop", "rewind"]);
}

#[test]
fn a_consumer_that_catches_up_within_each_window_is_never_blamed() {
    // Every pattern of steps over two windows in which each fifth commit has caught up.
    for pattern in 0_u32..1 << 10 {
        let (mut window, mut offset) = (Window::new(5), 0);
        for number in 0..10 {
            let bit = i64::from(pattern >> number & 1);
            offset += bit * 3;
            let lag = if number % 5 == 0 { 0 } else { 7 - bit };
            let at = SECOND * number;
            window.push(Commit { at, offset, lag });
            assert_eq!(window.status(at, lag), Status::Ok, "pattern {pattern:b} at {number}");
        }
    }
}
