use bus::Gate;

use super::*;

#[test]
fn the_gate_shuts_at_the_high_water_and_opens_at_half_of_it() {
    let budget = Budget::new(4, 1_000);
    (0..4).for_each(|_| budget.admit(10));
    assert!(!budget.open());
    budget.release(10);
    assert!(!budget.open(), "three of four are still above the low water");
    budget.release(10);
    assert!(budget.open());
    budget.admit(10);
    assert!(budget.open(), "open it stays until the high water");
}

#[test]
fn bytes_shut_the_gate_too() {
    let budget = Budget::new(1_000, 100);
    budget.admit(100);
    assert!(!budget.open());
    budget.release(100);
    assert!(budget.open());
    assert_eq!(budget.held(), (0, 0));
}

#[test]
fn a_halt_shuts_the_gate_whatever_is_free() {
    let budget = Budget::new(4, 100);
    budget.halt(true);
    assert!(!budget.open());
    budget.halt(false);
    assert!(budget.open());
}
