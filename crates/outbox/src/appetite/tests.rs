use super::*;

const SHARE: usize = 1_000;

#[test]
fn it_grows_while_all_is_taken_and_starts_again_after_a_failure() {
    let mut appetite = Appetite::new(16, SHARE);
    let mut bites = Vec::new();
    for _ in 0..5 {
        let rows = appetite.rows();
        bites.push(rows);
        appetite.took(rows, rows, true);
        (0..rows).for_each(|_| appetite.settled(1));
    }
    assert_eq!(bites, [2, 4, 8, 16, 16]);
    appetite.lost();
    assert_eq!(appetite.rows(), 2);
    appetite.took(1, 1, false);
    appetite.settled(1);
    assert_eq!(appetite.rows(), 2, "there were no more");
}

#[test]
fn large_rows_are_taken_until_the_share_is_used_and_one_always() {
    let mut appetite = Appetite::new(256, SHARE);
    appetite.took(2, 400, true);
    assert_eq!(appetite.rows(), 3, "600 bytes are left, and a row has 200");
    appetite.took(3, 600, true);
    assert_eq!(appetite.rows(), 0);
    (0..5).for_each(|_| appetite.settled(200));
    appetite.took(1, 5_000, true);
    assert_eq!(appetite.rows(), 0);
    appetite.settled(5_000);
    assert!(appetite.rows() > 0);
}
