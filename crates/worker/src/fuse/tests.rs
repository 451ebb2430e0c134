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
