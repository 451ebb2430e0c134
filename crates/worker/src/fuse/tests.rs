use proptest::prelude::*;

use super::*;

fn fuse() -> Fuse {
    Fuse::new(FuseConfig::default())
}

#[test]
fn the_fuse_blows_at_the_twenty_first_rejection_in_a_row() {
    let mut fuse = fuse();
    (0..20).for_each(|_| fuse.rejected().unwrap());
    assert_eq!(fuse.rejected(), Err(Blown::InARow(21)));
}

#[test]
fn one_good_record_breaks_the_row() {
    let mut fuse = fuse();
    for _ in 0..10 {
        (0..20).for_each(|_| fuse.rejected().unwrap());
        fuse.handled();
    }
}

#[test]
fn the_percentage_is_judged_only_after_a_thousand_records() {
    let mut fuse = fuse();
    // Every second record is bad: 50 %, never two in a row.
    for _ in 0..499 {
        fuse.rejected().unwrap();
        fuse.handled();
    }
    fuse.handled();
    assert_eq!(fuse.rejected(), Err(Blown::Percent(50)));
}

#[test]
fn twenty_percent_are_borne_and_more_are_not() {
    let mut fuse = fuse();
    for _ in 0..600 {
        fuse.rejected().unwrap();
        (0..4).for_each(|_| fuse.handled());
    }
    // The window holds 200 rejections of 1,000; one more good record less tips it.
    fuse.rejected().unwrap();
    (0..3).for_each(|_| fuse.handled());
    assert_eq!(fuse.rejected(), Err(Blown::Percent(20)), "201 of 1,000");
}

proptest! {
    /// A fuse that was restored goes on exactly as the one that was remembered.
    #[test]
    fn a_restored_fuse_is_the_one_that_was_kept(
        before in prop::collection::vec(prop::bool::weighted(0.15), 0..1_500),
        after in prop::collection::vec(any::<bool>(), 0..60),
    ) {
        let mut kept = fuse();
        let live = |fuse: &mut Fuse, rejected: bool| if rejected { fuse.rejected().err() } else { fuse.handled(); None };
        before.into_iter().for_each(|rejected| { live(&mut kept, rejected); });
        let mut restored = Fuse::restore(FuseConfig::default(), &kept.memory());
        prop_assert_eq!(restored.memory(), kept.memory());
        for rejected in after {
            prop_assert_eq!(live(&mut restored, rejected), live(&mut kept, rejected));
        }
    }

    /// It blows exactly when more than `in_a_row` rejections follow each other, or the full window holds too many.
    #[test]
    fn it_blows_by_its_two_rules_and_no_other(course in prop::collection::vec(prop::bool::weighted(0.2), 0..2_500)) {
        let mut fuse = fuse();
        for (at, rejected) in course.iter().enumerate() {
            if !rejected {
                fuse.handled();
                continue;
            }
            let in_a_row = course[..=at].iter().rev().take_while(|rejected| **rejected).count();
            let window = &course[(at + 1).saturating_sub(WINDOW)..=at];
            let too_many = window.len() == WINDOW && window.iter().filter(|rejected| **rejected).count() > WINDOW / 5;
            prop_assert_eq!(fuse.rejected().is_err(), in_a_row > 20 || too_many);
        }
    }

    /// Whatever is found in the store, it is a fuse.
    #[test]
    fn any_memory_is_read(memory in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Fuse::restore(FuseConfig::default(), &memory).rejected();
    }
}
