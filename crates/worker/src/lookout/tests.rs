use std::time::Duration;

use bus::burrow::Status;
use bus::{Glance, Reach, Slot, Stand};

use super::{Course, WINDOW};

const SECOND: Duration = Duration::from_secs(1);

fn slot() -> Slot {
    Slot::new("okr.events", 0)
}

/// Looks five seconds apart: (committed, confirmed, end); answers the last status.
fn course(looks: impl IntoIterator<Item = (Option<i64>, bool, i64)>) -> Status {
    let (mut course, mut last) = (Course::new("g".to_owned()), Status::Ok);
    for (number, (committed, is_confirmed, end)) in (0_u32..).zip(looks) {
        let stand = Stand { slot: slot(), came: None, fetched: None, queued: 0, committed, is_confirmed };
        let glance = Glance { turns: 0, is_held: false, stands: vec![stand] };
        let reach = [Reach { slot: slot(), low: 0, end }];
        let told = course.judge(SECOND * 5 * number, &glance, Some(&reach));
        assert_eq!(told.len(), 1);
        last = told[0].1;
    }
    last
}

fn many(look: impl Fn(i64) -> (Option<i64>, bool, i64)) -> Status {
    course((0..WINDOW as i64).map(look))
}

#[test]
fn a_member_that_keeps_up_is_ok_and_one_that_falls_behind_is_warned_of() {
    assert_eq!(many(|n| (Some(n * 10), true, n * 10)), Status::Ok);
    assert_eq!(many(|n| (Some(n * 10), true, 5 + n * 20)), Status::Warn);
}

#[test]
fn a_member_that_does_not_get_on_stalls_even_if_it_never_committed() {
    assert_eq!(many(|_| (Some(3), true, 9)), Status::Stall);
    assert_eq!(many(|_| (None, true, 9)), Status::Stall, "it would begin at the earliest record");
    assert_eq!(many(|_| (None, true, 0)), Status::Ok, "where there is none");
}

#[test]
fn commits_that_no_longer_arrive_are_a_stop() {
    let looks = 0..3 * WINDOW as i64;
    let is_early = |n: i64| n < WINDOW as i64;
    let status = course(looks.map(|n| (Some(if is_early(n) { n } else { 11 }), is_early(n), 100)));
    assert_eq!(status, Status::Stop);
}

#[test]
fn what_is_another_members_is_not_told_any_more() {
    let mut course = Course::new("g".to_owned());
    let stand =
        Stand { slot: slot(), came: None, fetched: None, queued: 0, committed: Some(1), is_confirmed: true };
    let reach = [Reach { slot: slot(), low: 0, end: 9 }];
    let ours = Glance { stands: vec![stand], ..Glance::default() };
    assert_eq!(course.judge(SECOND, &ours, Some(&reach)).len(), 1);
    assert_eq!(
        course.judge(SECOND * 2, &Glance::default(), Some(&reach)),
        [(slot(), Status::Ok)],
        "once more"
    );
    assert_eq!(course.judge(SECOND * 3, &Glance::default(), Some(&reach)), []);
    assert_eq!(course.judge(SECOND * 4, &ours, None), [], "nothing is known without the broker");
}
