use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

#[test]
fn a_key_has_one_entry_out_and_keeps_its_order() {
    let mut lanes = Lanes::default();
    [(7, "a1"), (7, "a2"), (8, "b1")].into_iter().for_each(|(hash, entry)| lanes.push(0, hash, entry));
    let (a, first) = lanes.next().unwrap();
    let (_, second) = lanes.next().unwrap();
    assert_eq!((first, second), ("a1", "b1"));
    assert!(lanes.next().is_none(), "a2 waits for a1");
    lanes.advance(a);
    assert_eq!(lanes.next().unwrap().1, "a2");
}

#[test]
fn a_lane_that_waits_lets_others_pass_and_goes_on_when_woken() {
    let mut lanes = Lanes::default();
    lanes.push(0, 7, "a1");
    let (a, entry) = lanes.next().unwrap();
    lanes.put_back(a, entry, true);
    lanes.push(0, 7, "a2");
    lanes.push(0, 8, "b1");
    assert_eq!(lanes.next().unwrap().1, "b1");
    assert!(lanes.next().is_none());
    lanes.wake(a);
    assert_eq!(lanes.next().unwrap().1, "a1");
}

#[test]
fn a_cleared_lane_waits_for_its_head_to_come_home() {
    let mut lanes = Lanes::default();
    lanes.push(0, 7, "old");
    let (old, _) = lanes.next().unwrap();
    lanes.push(0, 7, "dropped");
    let mut dropped = Vec::new();
    lanes.clear(0, |entry| dropped.push(entry));
    assert_eq!(dropped, ["dropped"]);
    lanes.push(0, 7, "new");
    assert!(lanes.next().is_none(), "the key is still under way");
    lanes.advance(old);
    assert_eq!(lanes.next().unwrap().1, "new");
}

#[test]
fn a_stale_lane_is_not_woken() {
    let mut lanes = Lanes::default();
    lanes.push(0, 7, "a1");
    let (a, entry) = lanes.next().unwrap();
    lanes.put_back(a, entry, true);
    lanes.clear(0, |_| ());
    lanes.push(0, 9, "c1");
    let (c, entry) = lanes.next().unwrap();
    lanes.put_back(c, entry, true);
    lanes.wake(a);
    assert!(lanes.next().is_none(), "another key uses the memory of that lane now");
    assert_eq!(lanes.len(), 1);
}

proptest! {
    /// Entries of a key come out in the order in which they went in, one at a time, and all of them do.
    #[test]
    fn one_key_one_record_in_flight_in_order(steps in prop::collection::vec((0_u64..4, 0_u8..4), 1..200)) {
        let mut lanes = Lanes::default();
        let (mut pushed, mut out, mut seen) = (0_usize, Vec::new(), HashMap::<u64, usize>::new());
        let mut take = |lanes: &mut Lanes<(u64, usize)>, out: &mut Vec<(LaneId, (u64, usize))>| {
            while let Some((id, (key, number))) = lanes.next() {
                assert!(out.iter().all(|(_, (busy, _))| *busy != key), "two of key {key} are out");
                let before = seen.insert(key, number);
                assert!(before.is_none_or(|before| before <= number), "key {key} out of order");
                out.push((id, (key, number)));
            }
        };
        for (key, action) in steps {
            match action {
                0 | 1 => { lanes.push(0, key, (key, pushed)); pushed += 1; }
                2 => take(&mut lanes, &mut out),
                _ => if let Some((id, entry)) = out.pop() {
                    if key == 0 { lanes.put_back(id, entry, false) } else { lanes.advance(id) }
                }
            }
        }
        loop {
            take(&mut lanes, &mut out);
            if out.is_empty() { break }
            out.drain(..).for_each(|(id, _)| lanes.advance(id));
        }
        prop_assert_eq!(lanes.len(), 0);
    }
}
