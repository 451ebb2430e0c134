use std::time::Duration;

use proptest::prelude::*;

use super::{Flight, GRAIN_MS, MARKS_MAX, Marks};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_oldest_is_the_first_unfinished_to_a_second() {
    let mut marks = Marks::default();
    for (offset, written_ms) in [(0, 10_000), (1, 10_400), (2, 11_100), (5, 15_000), (6, 15_200)] {
        marks.note(offset, Some(written_ms));
    }
    assert_eq!(marks.oldest_ms(Some(0)), Some(10_000));
    assert_eq!(marks.oldest_ms(Some(1)), Some(10_000), "less than a second after its mark");
    assert_eq!(marks.oldest_ms(Some(2)), Some(11_100));
    assert_eq!(marks.oldest_ms(Some(6)), Some(15_000));
    assert_eq!(marks.oldest_ms(None), None);
    marks.note(7, Some(15_300));
    assert_eq!(marks.oldest_ms(Some(7)), Some(15_300), "what came first after an idle time has its own mark");
}

#[test]
fn records_without_a_time_or_out_of_order_do_not_spoil_it() {
    let mut marks = Marks::default();
    marks.note(0, None);
    assert_eq!(marks.oldest_ms(Some(0)), None);
    marks.note(1, Some(20_000));
    marks.note(2, Some(5_000));
    assert_eq!(marks.oldest_ms(Some(2)), Some(20_000));
}

#[test]
fn a_job_that_is_out_for_long_shows_and_one_that_came_home_does_not() {
    let mut flight = Flight::default();
    assert_eq!(flight.tick(SECOND), Duration::ZERO, "nothing is out");
    let (slow, quick) = (flight.begin(), flight.begin());
    flight.end(quick);
    assert_eq!(flight.tick(SECOND * 2), SECOND);
    let next = flight.begin();
    assert_eq!(flight.tick(SECOND * 9), SECOND * 8);
    flight.end(slow);
    assert_eq!(flight.tick(SECOND * 10), SECOND * 8, "the next one began after the tick at two");
    flight.end(next);
    assert_eq!(flight.tick(SECOND * 11), Duration::ZERO);
    assert_eq!(flight.ticks.len(), 1, "nothing is kept of what came home");
}

proptest! {
    #[test]
    fn marks_are_bounded_and_never_make_the_oldest_younger(
        gaps in prop::collection::vec(0_i64..5_000, 1..600),
        unfinished in 0_usize..600,
    ) {
        let (mut marks, mut written) = (Marks::default(), Vec::new());
        let mut at = 1_000_000;
        for (offset, gap) in (0_i64..).zip(&gaps) {
            at += gap;
            written.push(at);
            marks.note(offset, Some(at));
            prop_assert!(marks.0.len() <= MARKS_MAX);
        }
        let unfinished = unfinished.min(written.len() - 1);
        let told = marks.oldest_ms(Some(unfinished as i64)).unwrap();
        prop_assert!(told <= written[unfinished], "at least as old as it is");
        if written.len() < MARKS_MAX {
            prop_assert!(written[unfinished] - told < GRAIN_MS, "and right to a second");
        }
    }

    #[test]
    fn flight_knows_the_oldest_to_a_tick(steps in prop::collection::vec(0_u8..3, 1..200)) {
        let (mut flight, mut out, mut now) = (Flight::default(), Vec::new(), 0_u32);
        for step in steps {
            match step {
                0 => out.push((flight.begin(), now)),
                1 if !out.is_empty() => flight.end(out.swap_remove(out.len() / 2).0),
                _ => {
                    now += 1;
                    let oldest = out.iter().map(|(_, begun)| now - begun).max().unwrap_or(0);
                    prop_assert_eq!(flight.tick(SECOND * now), SECOND * oldest);
                }
            }
        }
    }
}
