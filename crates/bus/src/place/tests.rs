use std::collections::HashMap;

use super::*;

#[track_caller]
fn check(key: &[u8], expected: i32) {
    assert_eq!(murmur2(key) as i32, expected, "{}", String::from_utf8_lossy(key));
}

/// The vectors of Kafka's own `UtilsTest.testMurmur2`.
#[test]
fn murmur2_is_kafkas_to_the_bit() {
    check(b"21", -973_932_308);
    check(b"foobar", -790_332_482);
    check(b"a-little-bit-long-string", -985_981_536);
    check(b"a-little-bit-longer-string", -1_486_304_829);
    check(b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971);
    check(b"abc", 479_470_107);
}

#[test]
fn a_key_goes_where_kafkas_partitioner_puts_it() {
    // -973932308 without its sign bit is 1173551340.
    assert_eq!(partition(b"21", 24), (1_173_551_340 % 24));
    assert_eq!(partition(b"anything", 1), 0);
    assert_eq!(partition(b"anything", 0), 0);
}

#[test]
fn appending_to_a_list_moves_only_what_goes_to_the_new_partitions() {
    let (before, after) = ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 24, 25]);
    let mut moved = 0;
    for n in 0..4_000 {
        let key = format!("acme/key_result/{n}");
        let (old, new) = (within(key.as_bytes(), &before), within(key.as_bytes(), &after));
        if old != new {
            assert!([24, 25].contains(&new), "{key} went from {old} to {new}");
            moved += 1;
        }
    }
    assert!((800..1_200).contains(&moved), "about a quarter moves, not {moved}");
}

#[test]
fn a_list_is_used_evenly_and_its_order_means_nothing() {
    let mut counts: HashMap<i32, u32> = HashMap::new();
    for n in 0..6_000 {
        let key = format!("acme/objective/{n}");
        let place = within(key.as_bytes(), &[7, 3, 11]);
        assert_eq!(place, within(key.as_bytes(), &[3, 7, 11]));
        *counts.entry(place).or_default() += 1;
    }
    assert_eq!(counts.len(), 3);
    assert!(counts.values().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
}

/// Placement is stored history: a change of the hash would start a new order for every subject.
#[test]
fn places_within_a_list_never_change_from_version_to_version() {
    let places: Vec<i32> =
        (0..8).map(|n| within(format!("acme/key_result/{n}").as_bytes(), &[0, 1, 2, 3])).collect();
    assert_eq!(places, [2, 2, 0, 3, 1, 1, 3, 2]);
}

#[test]
fn ranges_are_read_as_people_write_them() {
    assert_eq!(parse_ranges("0-5,24-25"), Ok(vec![0, 1, 2, 3, 4, 5, 24, 25]));
    assert_eq!(parse_ranges(" 3 , 1 "), Ok(vec![1, 3]));
    assert_eq!(parse_ranges(""), Err(RangeError::Empty));
    assert_eq!(parse_ranges("1,,2"), Err(RangeError::Shape("".into())));
    assert_eq!(parse_ranges("a-3"), Err(RangeError::Shape("a-3".into())));
    assert_eq!(parse_ranges("-3"), Err(RangeError::Shape("-3".into())));
    assert_eq!(parse_ranges("5-3"), Err(RangeError::Backwards("5-3".into())));
    assert_eq!(parse_ranges("0-3,2"), Err(RangeError::Twice(2)));
    assert_eq!(parse_ranges("0-4000000000"), Err(RangeError::Beyond("0-4000000000".into())));
}
