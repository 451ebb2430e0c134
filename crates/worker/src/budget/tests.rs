use bus::Gate;
use proptest::prelude::*;

use super::*;

#[test]
fn the_gate_shuts_at_the_high_water_and_opens_at_half_of_it() {
    let budget = Budget::new(4, 1_000);
    (0..4).for_each(|_| budget.admit(1, 10));
    assert!(!budget.open());
    budget.release(10);
    assert!(!budget.open(), "three of four are still above the low water");
    budget.release(10);
    assert!(budget.open());
    budget.admit(1, 10);
    assert!(budget.open(), "open it stays until the high water");
}

#[test]
fn bytes_shut_the_gate_too() {
    let budget = Budget::new(1_000, 100);
    budget.admit(1, 100);
    assert!(!budget.open());
    budget.release(100);
    assert!(budget.open());
    assert_eq!(budget.held(), (0, 0));
}

#[test]
fn the_room_is_what_is_left_below_the_high_water() {
    let budget = Budget::new(4, 100);
    budget.admit(3, 60);
    assert_eq!(budget.room(), bus::Room { records: 1, bytes: 40 });
    budget.admit(1, 10);
    assert_eq!(budget.room().records, 0);
    budget.release_all(2, 40);
    assert_eq!(budget.room(), bus::Room { records: 2, bytes: 70 });
}

#[test]
fn a_halt_shuts_the_gate_whatever_is_free() {
    let budget = Budget::new(4, 100);
    budget.halt(true);
    assert!(!budget.open());
    budget.halt(false);
    assert!(budget.open());
}

proptest! {
    /// A consumer that asks before each record never holds more than the bound, the last record's bytes aside; what is
    /// held is what was admitted and not released; a gate that is shut opens only below half.
    #[test]
    fn what_is_held_is_bounded_and_adds_up(steps in prop::collection::vec((any::<bool>(), 1_usize..50), 1..400)) {
        let (budget, mut held, mut was_open) = (Budget::new(8, 200), Vec::<usize>::new(), true);
        for (takes, bytes) in steps {
            let open = budget.open();
            let sum: usize = held.iter().sum();
            prop_assert_eq!(budget.held(), (held.len(), sum));
            prop_assert!(was_open || !open || (held.len() <= 4 && sum <= 100));
            was_open = open;
            if takes && open {
                budget.admit(1, bytes);
                held.push(bytes);
                prop_assert!(held.len() <= 8 && held.iter().sum::<usize>() < 200 + bytes);
            } else if !takes && let Some(bytes) = held.pop() {
                budget.release(bytes);
            }
        }
    }
}
