//! A source that is heard, and one that never is.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_571_200 + second).unwrap()
}

#[test]
fn a_configured_silence_counts_from_the_last_word_or_from_the_start() {
    let (mut watch, pulse) = (Watch::new(at(0)), Pulse::new());
    let after = Some(Duration::from_secs(60));
    let mut silent = |pulse: &Pulse, second| watch.look("acme", pulse, after, at(second));
    assert!(!silent(&pulse, 59));
    assert!(silent(&pulse, 60), "it was never heard");
    pulse.beat(at(61));
    assert!(!silent(&pulse, 62));
    assert!(!silent(&pulse, 120) && silent(&pulse, 121));
    // Requests end in any order; what was heard was heard.
    pulse.beat(at(50));
    pulse.beat(at(130));
    pulse.beat(at(110));
    assert!(!silent(&pulse, 189) && silent(&pulse, 190));
}

#[test]
fn what_one_source_usually_does_says_nothing_of_another() {
    let mut watch = Watch::new(at(0));
    let (busy, quiet) = (Pulse::new(), Pulse::new());
    let weeks = 6 * 7 * 24 * 3600;
    for second in (0..weeks).step_by(600) {
        busy.beat(at(second));
        assert!(
            !watch.look("busy", &busy, None, at(second)) && !watch.look("quiet", &quiet, None, at(second))
        );
    }
    let later = at(weeks + 8 * 3600);
    assert!(watch.look("busy", &busy, None, later) && !watch.look("quiet", &quiet, None, later));
}

#[test]
fn a_source_that_is_gone_is_forgotten_once() {
    let mut watch = Watch::new(at(0));
    for name in ["gone", "here"] {
        watch.look(name, &Pulse::new(), None, at(0));
    }
    assert_eq!(watch.forget_but(|name| name == "here").collect::<Vec<_>>(), ["gone"]);
    assert_eq!(watch.forget_but(|name| name == "here").count(), 0);
}
