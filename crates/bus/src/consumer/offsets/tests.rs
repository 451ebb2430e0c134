use super::*;

#[test]
fn a_commit_holds_next_offsets_as_they_are() {
    let given = [(Slot::new("a", 0), 7), (Slot::new("b", 3), 0)];
    assert_eq!(offsets(&commits(&given).unwrap()), given);
}

#[test]
fn an_offset_that_is_none_is_never_committed() {
    assert!(commits(&[(Slot::new("a", 0), -1)]).is_none());
    assert!(commits(&[]).is_none());
    assert_eq!(commits(&[(Slot::new("a", 0), -1), (Slot::new("a", 1), 5)]).unwrap().count(), 1);
}

#[test]
fn a_slot_without_a_given_offset_begins_at_the_committed_one() {
    let list = starts(&[(Slot::new("a", 0), Some(12)), (Slot::new("a", 1), None)]);
    let offsets: Vec<Offset> = list.elements().iter().map(|element| element.offset()).collect();
    assert_eq!(offsets, [Offset::Offset(12), Offset::Stored]);
}

#[test]
fn slots_go_into_a_list_and_come_out() {
    let given = vec![Slot::new("a", 0), Slot::new("b", 9)];
    assert_eq!(slots(&list(&given)), given);
}
