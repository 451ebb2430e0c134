use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn one_a_second_means_a_second_between_any_two() {
    let mut pacer = Pacer::new(SECOND);
    assert_eq!(pacer.start(SECOND * 5), Ok(()));
    assert_eq!(pacer.start(SECOND * 5), Err(SECOND * 6));
    assert_eq!(pacer.start(SECOND * 100), Ok(()), "what was not used");
    assert_eq!(pacer.start(SECOND * 100), Err(SECOND * 101), "is not saved up");
}

#[test]
fn another_interval_counts_from_the_last_start() {
    let mut pacer = Pacer::new(SECOND * 10);
    assert_eq!(pacer.start(SECOND * 5), Ok(()));
    pacer.change(SECOND);
    assert_eq!(pacer.start(SECOND * 5), Err(SECOND * 6));
    pacer.change(SECOND * 3);
    assert_eq!(pacer.start(SECOND * 7), Err(SECOND * 8));
    assert_eq!(pacer.start(SECOND * 8), Ok(()));
}

#[test]
fn without_a_rate_everything_goes() {
    let mut pacer = Pacer::new(Duration::ZERO);
    (0..1_000).for_each(|_| assert_eq!(pacer.start(SECOND), Ok(())));
    assert_eq!(pacer.room(SECOND, 256), 256);
}

#[test]
fn room_is_what_fits_into_a_span_and_never_nothing() {
    assert_eq!(Pacer::new(SECOND).room(SECOND * 2, 256), 2);
    assert_eq!(Pacer::new(SECOND * 60).room(SECOND * 2, 256), 1);
    assert_eq!(Pacer::new(Duration::from_millis(1)).room(SECOND * 2, 256), 256);
}

proptest! {
    /// However often it is asked: in any window of n intervals at most n + 1 starts.
    #[test]
    fn starts_keep_their_distance(asks in prop::collection::vec(0_u64..500, 1..200)) {
        let mut pacer = Pacer::new(SECOND);
        let (mut now, mut before) = (Duration::ZERO, None);
        for ask in asks {
            now += Duration::from_millis(ask);
            if pacer.start(now).is_ok() {
                prop_assert!(before.is_none_or(|before| now - before >= SECOND));
                before = Some(now);
            }
        }
    }
}
