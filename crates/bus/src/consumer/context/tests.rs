use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::consumer::{Gate, Mix};

struct Open;

impl Gate for Open {
    fn admit(&self, _: usize, _: usize) {}

    fn open(&self) -> bool {
        true
    }
}

fn context(revoke_grace: Duration) -> (Context, UnboundedReceiver<Vec<Signal>>) {
    let (sender, signals) = unbounded_channel();
    let membership = Membership {
        group: "g".into(),
        topics: vec!["t".into()],
        gate: Arc::new(Open),
        revoke_grace,
        start: Start::Committed,
        mix: Mix::Fine,
    };
    (Context::new(&membership, sender, Arc::new(Slots::new("g"))), signals)
}

#[test]
fn a_member_that_left_for_polling_too_rarely_is_stalled() {
    let (context, mut signals) = context(Duration::ZERO);
    context.log(RDKafkaLogLevel::Warning, "MAXPOLL", "Application maximum poll interval exceeded");
    assert!(
        matches!(signals.try_recv().as_deref(), Ok([Signal::Stalled(why)]) if why.contains("maximum poll interval"))
    );
    context.log(RDKafkaLogLevel::Warning, "SESSTMOUT", "something else");
    assert!(signals.try_recv().is_err());
}

#[test]
fn a_reset_position_is_looked_at_once() {
    let (context, _signals) = context(Duration::ZERO);
    assert!(!context.take_reset());
    context.log(RDKafkaLogLevel::Warning, "OFFSET", "t [0]: offset reset");
    assert!(context.take_reset() && !context.take_reset());
}

#[test]
fn a_hand_back_is_waited_for_and_only_its_own_slots_count() {
    let (context, mut signals) = context(Duration::from_secs(60));
    let slots = [Slot::new("t", 1)];
    let worker = std::thread::spawn(move || match signals.blocking_recv().and_then(|mut told| told.pop()) {
        Some(Signal::Revoking(slots, handback)) => {
            handback.give(vec![(slots[0].clone(), 7), (Slot::new("t", 2), 9)]);
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(context.ask_back(&slots), [(Slot::new("t", 1), 7)]);
    worker.join().unwrap();
}

#[test]
fn a_hand_back_that_is_dropped_or_late_commits_nothing() {
    let (hasty, mut signals) = context(Duration::from_secs(60));
    let dropper = std::thread::spawn(move || drop(signals.blocking_recv()));
    assert_eq!(hasty.ask_back(&[Slot::new("t", 1)]), []);
    dropper.join().unwrap();

    let (patient, mut signals) = context(Duration::from_millis(10));
    assert_eq!(patient.ask_back(&[Slot::new("t", 1)]), []);
    let Some(Signal::Revoking(_, late)) = signals.try_recv().ok().and_then(|mut told| told.pop()) else {
        panic!("no revocation")
    };
    late.give(vec![(Slot::new("t", 1), 7)]); // Does nothing, and does not wait.

    let (alone, signals) = context(Duration::from_secs(60));
    drop(signals);
    assert_eq!(alone.ask_back(&[Slot::new("t", 1)]), [], "nobody listens");
}
