use super::*;

#[test]
fn a_name_of_ours_costs_no_memory_wherever_it_stands() {
    for at in 0..2 * NAMES.len() {
        for known in NAMES {
            assert!(matches!(name(known, at), Cow::Borrowed(found) if found == *known), "{known} at {at}");
        }
        assert!(matches!(name("x-other", at), Cow::Owned(found) if found == "x-other"));
    }
}
