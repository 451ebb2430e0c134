use super::*;

fn slots() -> (Slots, Slot) {
    let (slots, slot) = (Slots::new("g"), Slot::new("t", 0));
    slots.add(&[(slot.clone(), None)]);
    (slots, slot)
}

fn told(slots: &Slots, slot: &Slot, committed: Option<i64>) -> Vec<(Slot, i64)> {
    slots.told(vec![(slot.clone(), Told { committed, ..Told::default() })])
}

#[test]
fn a_commit_that_never_arrives_is_missed_by_the_second_statistics_and_every_one_after() {
    let (slots, slot) = slots();
    slots.ours(vec![(slot.clone(), 7)]);
    assert_eq!(told(&slots, &slot, None), [], "it may be on its way");
    let missing = vec![(slot.clone(), 7)];
    assert_eq!(told(&slots, &slot, Some(3)), missing);
    slots.ours(missing.clone());
    assert_eq!(told(&slots, &slot, Some(3)), missing, "given again, and missed again");
    assert_eq!(told(&slots, &slot, Some(7)), []);
    assert_eq!(told(&slots, &slot, Some(7)), []);
}

#[test]
fn a_newer_commit_is_given_its_own_time() {
    let (slots, slot) = slots();
    slots.ours(vec![(slot.clone(), 7)]);
    assert_eq!(told(&slots, &slot, None), []);
    slots.ours(vec![(slot.clone(), 8)]);
    assert_eq!(told(&slots, &slot, Some(7)), []);
    assert_eq!(told(&slots, &slot, Some(7)), [(slot.clone(), 8)]);
}

#[test]
fn nothing_is_missed_of_a_slot_that_left_or_began_anew() {
    let (slots, slot) = slots();
    slots.ours(vec![(slot.clone(), 7)]);
    told(&slots, &slot, None);
    slots.begin_again(&slot, 2);
    assert_eq!(told(&slots, &slot, None), []);
    slots.ours(vec![(slot.clone(), 7)]);
    told(&slots, &slot, None);
    slots.remove(std::slice::from_ref(&slot));
    slots.add(&[(slot.clone(), None)]);
    assert_eq!(told(&slots, &slot, None), []);
    assert_eq!(slots.ours(vec![(Slot::new("t", 1), 3)]), (vec![], 1));
}
