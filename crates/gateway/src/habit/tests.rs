//! Weeks in a second.

use super::*;

const DAY: i64 = 24;
/// A Monday at midnight, in hours since 1970.
const MONDAY: i64 = 1_767_571_200 / 3600;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(hour * HOUR_SECONDS + 600).unwrap()
}

/// Watches from `MONDAY` for so many hours a source that speaks at these hours of each day of the week.
fn watched(hours: i64, speaks: impl Fn(i64, i64) -> bool) -> (Habit, Timestamp) {
    let (mut habit, mut spoken_at) = (Habit::new(), None);
    for hour in 0..=hours {
        let now = at(MONDAY + hour);
        if hour < hours && speaks(hour / DAY % 7, hour % DAY) {
            spoken_at = Some(now);
        }
        habit.watch(now, spoken_at);
    }
    (habit, spoken_at.unwrap_or(at(MONDAY)))
}

fn office(day: i64, hour: i64) -> bool {
    day < 5 && (8..18).contains(&hour)
}

/// After how many hours a silence that begins at that hour of a week is told; `None`: not within ten days.
fn told_after(habit: &Habit, begins: i64) -> Option<i64> {
    (0..10 * DAY).find(|hours| habit.is_silent(at(begins + hours), at(begins)))
}

#[test]
fn a_source_that_always_speaks_is_missed_within_hours() {
    for (weeks, hours) in [(1, 11), (2, 9), (4, 7), (10, 5)] {
        let (habit, _) = watched(weeks * 7 * DAY, |_, _| true);
        let told = told_after(&habit, MONDAY + weeks * 7 * DAY).unwrap();
        assert!(told <= hours, "after {weeks} weeks it took {told} hours");
    }
}

#[test]
fn nights_and_weekends_are_no_silence() {
    let weeks = 6 * 7 * DAY;
    let (habit, _) = watched(weeks, office);
    let monday = MONDAY + weeks;
    // From Friday's last word to Monday's first.
    let (friday, next_monday) = (monday + 4 * DAY + 17, monday + 7 * DAY + 8);
    assert!((friday..=next_monday).all(|hour| !habit.is_silent(at(hour), at(friday))));
    // From Monday noon it is told the same day, and a silence that lasts over the weekend on Monday.
    assert!(matches!(told_after(&habit, monday + 11), Some(4..=6)), "{:?}", told_after(&habit, monday + 11));
    let told = friday + told_after(&habit, friday).unwrap();
    assert!((next_monday + 3..next_monday + 6).contains(&told), "{} hours into Monday", told - next_monday);
}

#[test]
fn what_was_never_learned_is_never_told() {
    // Six days of a week that speaks on its last: the silence before says nothing, nor does a source that never spoke.
    for (hours, source) in [(6 * DAY, "six days"), (0, "nothing"), (20 * 7 * DAY, "never")] {
        let (habit, _) = watched(hours, |_, _| source == "six days");
        let begins = MONDAY + hours;
        let within = if source == "six days" { DAY } else { 10 * DAY };
        assert!((0..within).all(|hour| !habit.is_silent(at(begins + hour), at(begins))), "{source}");
    }
}

#[test]
fn one_that_speaks_now_and_then_is_missed_only_after_long() {
    // Once a day, at another hour each time.
    let (habit, _) = watched(12 * 7 * DAY, |day, hour| hour == (day * 5 + 3) % DAY);
    let told = told_after(&habit, MONDAY + 12 * 7 * DAY).unwrap();
    assert!((2 * DAY..6 * DAY).contains(&told), "{told} hours");
}

#[test]
fn a_habit_that_changes_is_learned_anew() {
    let (mut habit, _) = watched(10 * 7 * DAY, |_, _| true);
    // From now on it keeps office hours.
    let begins = MONDAY + 10 * 7 * DAY;
    let mut spoken_at = at(begins);
    for hour in 0..25 * 7 * DAY {
        if office(hour / DAY % 7, hour % DAY) {
            spoken_at = at(begins + hour);
        }
        habit.watch(at(begins + hour), Some(spoken_at));
    }
    let friday = begins + 24 * 7 * DAY + 4 * DAY + 17;
    assert!((0..2 * DAY).all(|hour| !habit.is_silent(at(friday + hour), at(friday))));
}

#[test]
fn a_clock_that_leaps_teaches_nothing() {
    let mut habit = Habit::new();
    for now in [at(MONDAY), at(MONDAY + 5), at(MONDAY - 100), at(MONDAY + 4_000)] {
        habit.watch(now, Some(now));
    }
    assert!(habit.hours.iter().all(|hour| hour.watched == 0.0));
    assert!(!habit.is_silent(at(MONDAY), at(MONDAY + 50)), "the last word lies ahead");
    assert!(
        !habit.is_silent(Timestamp::MAX, Timestamp::MIN) && !habit.is_silent(Timestamp::MIN, Timestamp::MAX)
    );
}

#[test]
fn a_word_shortly_before_the_hour_counts_for_its_own_hour() {
    let mut habit = Habit::new();
    habit.watch(at(MONDAY - 1), None);
    habit.watch(at(MONDAY), None);
    // Seen only when the next hour has begun.
    habit.watch(at(MONDAY + 1), Some(at(MONDAY)));
    habit.watch(at(MONDAY + 2), Some(at(MONDAY)));
    assert!(habit.hours[slot(MONDAY - 1)].watched == 0.0, "of the first hour nobody knows all");
    assert_eq!((habit.hours[slot(MONDAY)].spoken, habit.hours[slot(MONDAY + 1)].spoken), (1.0, 0.0));
}

#[test]
fn a_configured_span_is_taken_at_its_word() {
    let habit = Habit::new();
    let six = Some(Duration::from_secs(6 * 3600));
    assert!(!is_silent(&habit, six, at(MONDAY + 5), at(MONDAY)));
    assert!(is_silent(&habit, six, at(MONDAY + 6), at(MONDAY)));
    assert!(!is_silent(&habit, six, at(MONDAY), at(MONDAY + 99)), "a clock that went back");
    assert!(!is_silent(&habit, None, at(MONDAY + 999), at(MONDAY)));
}
