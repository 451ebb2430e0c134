//! What is charged is given back, whoever comes at once.

use super::*;

#[test]
fn what_does_not_fit_is_refused_and_charges_nothing() {
    let room = Room::new(100);
    let mut first = room.enter(100).unwrap();
    first.grow(60).unwrap();
    assert_eq!(room.enter(41).unwrap_err(), FULL);
    let mut second = room.enter(40).unwrap();
    assert_eq!(room.used(), 60, "what is announced is not charged");
    assert_eq!(second.grow(41).unwrap_err(), FULL);
    assert_eq!(second.grow(usize::MAX).unwrap_err(), FULL);
    second.grow(40).unwrap();
    assert_eq!(room.used(), 100);
    drop(first);
    second.grow(60).unwrap();
    drop(second);
    assert_eq!(room.used(), 0);
}

#[test]
fn many_at_once_never_have_more_than_there_is() {
    let room = Room::new(1_000);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let room = room.clone();
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..10_000 {
                    let Ok(mut charge) = room.enter(random.usize(0..400)) else { continue };
                    while charge.grow(random.usize(0..300)).is_ok() && random.bool() {
                        assert!(room.used() <= 1_000);
                    }
                }
            });
        }
    });
    assert_eq!(room.used(), 0);
}
